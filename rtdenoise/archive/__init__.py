"""An archive: a folder of recordings and pictures, cleaned into another one, by several processes or machines.

* ``walk``     what is to be cleaned, and what the clean files are called
* ``ledger``   what has been done, on disk: a run that was stopped goes on
* ``work``     one file, in whatever process or machine
* ``local``    processes of this machine
* ``cluster``  a Dask cluster
* ``run``      all of it, with a report
"""
