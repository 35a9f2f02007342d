"""Trains live networks, on clips with known truth: base networks for any camera, and fine-tuning to one.

* ``base_training``      a base network, from nothing or from another one
* ``finetune``           a base network to one camera (``finetune_data``, ``finetune_judging``, ``between``)
* ``training``           the steps: drawing, loss, gradients, averages
* ``batches``            clips in units of their noise, and pieces of them
* ``unroll``             a chunk of frames through the network, gradients with it (truncated back-propagation)
* ``following``          brightness changes and movement, found beforehand, that the state follows as in use
* ``searching``          movement as it is searched in use: in the state that the network itself has made
"""
