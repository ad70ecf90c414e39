"""The matrix over TCP: connections break and end at every message, and keep-alives come before it."""

import sys
import tempfile

import test_matrix  # noqa: F401  its procedures
from matrix import play
from stream_matrix import StreamMatrix

PROCEDURES = ["set-up", "set-up-late-offer", "answer", "cancel", "cancel-then-answer", "prack-caller",
	"reinvite-from-caller", "reinvite-from-gateway", "reinvite-late-offer-from-gateway", "reinvite-cancelled-from-caller",
	"reinvite-and-bye-from-caller", "update-from-caller", "info-from-gateway", "bye-from-caller", "bye-from-gateway"]

if __name__ == "__main__":
	sys.argv[1:] = sys.argv[1:] or PROCEDURES
	with tempfile.TemporaryDirectory(prefix="softswitch-matrix-") as folder:
		play(StreamMatrix(folder, 60), clock_speed=5)
