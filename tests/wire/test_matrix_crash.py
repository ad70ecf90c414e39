"""
The switch dies after a message of a procedure, and is started again at once.
	test_matrix_crash.py                                    the runs of CHOSEN
	test_matrix_crash.py all                                each message of each procedure
	test_matrix_crash.py refreshes                          the same of test_matrix_refresh.py
	test_matrix_crash.py "answer: crash #3 200 INVITE switch->caller"
"""

import sys
import tempfile

from crash_matrix import CrashMatrix, Otherwise
from matrix import play

if sys.argv[1:2] == ["refreshes"]:
	import test_matrix_refresh as chosen
else:
	import test_matrix as chosen

CHOSEN = [
	"set-up: crash #* 200 INVITE gw1->switch",
	"set-up-late-offer: crash #* 200 INVITE switch->caller",
	"refusal: crash #* 180 INVITE gw1->switch",
	"failover-503: crash #* 503 INVITE gw1->switch",
	"prack-failover: crash #* 200 INVITE gw2->switch",
	"prack-failover-after-early-media: crash #* 200 INVITE switch->caller",
	"cancel: crash #* CANCEL switch->gw1",
	"reinvite-from-caller: crash #* INVITE switch->gw1",
	"update-from-gateway: crash #* 200 UPDATE caller->switch",
	"bye-from-caller: crash #* BYE switch->gw1",
	"refusal: crash-and-loss #* 486 INVITE switch->caller",
	"failover-late-answer: crash-and-loss #* BYE switch->gw1",
	"reinvite-late-offer-from-gateway: crash-and-loss #* 200 INVITE switch->gw1",
	"reinvite-refused-from-caller: crash-and-loss #* 488 INVITE switch->caller",
	"info-from-caller: crash-and-loss #* 200 INFO switch->caller",
]

OTHERWISE = [
	Otherwise("reinvite-cancelled-from-*", "*->switch INVITE", "switch->* 487 INVITE", "goes on",
		"its re-INVITE gets 491 instead of 487, and is not sent again"),
]


if __name__ == "__main__":
	sys.argv[1:] = [name for name in sys.argv[1:] if name not in ("all", "refreshes")] if sys.argv[1:] else CHOSEN
	with tempfile.TemporaryDirectory(prefix="softswitch-matrix-") as folder:
		play(CrashMatrix(folder, 100, OTHERWISE), **chosen.PARAMETERS)
