"""systemd itself restarts the switch, and its calls go on (docs/behaviour.md, Restart)."""

import contextlib
import threading

from crash import checked
from net import same
from runner import run, scenario
from systemd import Systemd


def meanwhile(s, act):
	"""Questions come every few milliseconds until this is done; how many."""
	done = threading.Thread(target=act)
	done.start()
	n = 0
	while done.is_alive():
		s.caller.request("OPTIONS")
		s.net.poll(0.002)
		n += 1
	done.join()
	return n


@scenario
def calls_and_datagrams_outlive_what_systemd_does(s):
	gw = s.gateway()
	with contextlib.closing(Systemd(s)) as systemd:
		systemd.start("--listen", "sip:127.0.0.1:0;transport=udp")
		first = systemd.show("MainPID")
		# Calls keep their time exactly over a restart while this is the same: clock_shift().
		same(len(systemd.run("cat /proc/%s/root/proc/sys/kernel/random/boot_id" % first)), 36)
		a, b = s.talk(gw)
		asked = meanwhile(s, lambda: systemd.run("systemctl --user restart switch"))
		second = systemd.show("MainPID")
		checked(a, b)
		asked += meanwhile(s, lambda: systemd.run("kill -9 %s; until [ $(systemctl --user show -p MainPID --value switch) != %s ]"
			" && [ $(systemctl --user show -p ActiveState --value switch) = active ]; do sleep 0.05; done" % (second, second)))
		third = systemd.show("MainPID")
		checked(a, b)
		asked += meanwhile(s, lambda: s.switch.control("system.restart"))
		s.net.until(lambda: "leaving the calls to the next" in s.switch.read_log(), "it is restarted in place", step=0.01)
		checked(a, b)
		same(systemd.show("MainPID"), third)
		same(len({first, second, third}), 3)
		s.net.until(lambda: len(s.caller.arrivals(200, "OPTIONS")) >= asked, "all are answered", step=0.01)
		s.caller.inbox.clear()
		stop = threading.Thread(target=systemd.run, args=("systemctl --user stop switch",))
		stop.start()
		a.hung_up()
		b.hung_up()
		stop.join()
		same((systemd.show("ActiveState"), systemd.show("NFileDescriptorStore")), ("inactive", "0"))


if __name__ == "__main__":
	run()
