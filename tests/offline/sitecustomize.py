"""Cut the network off. Python imports this module at start-up when its folder is on PYTHONPATH (see the root conftest).

Every connection and look-up that leaves this machine is refused, and recorded in the file named by COURSE_NETWORK_LOG.
"""

import os
import sys

LOOPBACK = {"", "localhost", "localhost.localdomain", "ip6-localhost", "::", "::1", "0.0.0.0"}
# For each audit event, which argument holds the address or the host name.
WATCHED = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}


def is_local(host) -> bool:
    """Is `host` this machine? (None: the peer of a socket that is connected already.)"""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return True  # None, or a socket family that is not the internet
    host = host.lower().partition("%")[0].removeprefix("::ffff:")
    if host in LOOPBACK or (host.startswith("127.") and host.replace(".", "").isdigit()):
        return True
    import socket  # loaded already: only a socket raises these events

    return host == socket.gethostname().lower()


def refuse_network(event: str, args: tuple):
    """Audit hook: refuse and record whatever is not loopback. Names of Unix sockets are paths, so they pass."""
    if event not in WATCHED:
        return
    target = args[WATCHED[event]]
    if event.startswith("socket.get"):
        host = target[0] if isinstance(target, tuple) else target
    else:
        host = target[0] if isinstance(target, tuple) and target else None
    if is_local(host):
        return
    if log := os.environ.get("COURSE_NETWORK_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{event} {target!r} from {os.path.basename(sys.argv[0] if sys.argv else sys.executable)}\n")
    raise ConnectionRefusedError(f"The course runs without a network, but something asked for {host!r} ({event}).")


def run_next_sitecustomize():
    """This file hides any other sitecustomize on the path: run that one too."""
    from importlib.machinery import PathFinder  # (importlib.util would be slow to import)

    here = os.path.dirname(os.path.abspath(__file__))
    others = [folder for folder in sys.path if os.path.abspath(folder) != here]
    if spec := PathFinder.find_spec("sitecustomize", others):
        spec.loader.exec_module(type(sys)("sitecustomize"))


sys.addaudithook(refuse_network)
if __name__ == "sitecustomize":
    run_next_sitecustomize()
