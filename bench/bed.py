# SPDX-License-Identifier: MIT
"""Network namespaces in which the benchmarks' programs run, joined by veth pairs; gone at the end. Needs root."""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIR = os.environ.get("WEIR", os.path.join(ROOT, "build", "weir"))


def run(*command):
    """Runs a command that must succeed; its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


class Namespaces:
    """with Namespaces("client", "server") as bed: ...; bed.work is a temporary directory."""

    def __init__(self, *sides):
        if os.geteuid() != 0:
            sys.exit(f"{os.path.basename(sys.argv[0])}: this needs root, for network namespaces")
        self.names = {side: f"weir-bench-{os.getpid()}-{side}" for side in sides}
        self.processes = []

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="weir-bench.")
        self.work = self.directory.name
        os.chmod(self.work, 0o755)
        for name in self.names.values():
            run("ip", "netns", "add", name)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()  # nginx then ends its workers, which killing would leave behind
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False)
        self.directory.cleanup()

    def path(self, side):
        return f"/run/netns/{self.names[side]}"

    def inside(self, side, *command):
        return ["nsenter", f"--net={self.path(side)}", *command]

    def start(self, side, *command, cpu=None, **options):
        """A process that ends with the bed at the latest."""
        pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
        process = subprocess.Popen(self.inside(side, *command), stdin=subprocess.DEVNULL, text=True, preexec_fn=pin, **options)
        self.processes.append(process)
        return process

    def veth(self, side, interface, peer_side, peer, offload=True):
        run("ip", "link", "add", interface, "netns", self.names[side], "type", "veth", "peer", "name", peer, "netns",
            self.names[peer_side])
        for where, device in ((side, interface), (peer_side, peer)):
            if not offload:
                run(*self.inside(where, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off", "gro", "off"))
            run(*self.inside(where, "ip", "link", "set", device, "up"))

    def address(self, side, interface, address):
        run(*self.inside(side, "ip", "addr", "add", address, "dev", interface))
