"""The paper's own method: its network, trained on one camera's still series alone.

* ``dataset``            still series, what is held out, and crops with the mean of the other frames as target (eq. 8)
* ``windows``            cleans a part of a frame with the frame around it
* ``training``           the steps (eq. 9)
* ``judging``            the error in places that are not learned from
"""
