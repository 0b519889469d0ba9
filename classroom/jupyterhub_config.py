"""JupyterHub on one machine, for a class; docs/classroom.md says how to get there.

    jupyterhub --config classroom/jupyterhub_config.py

Started by root, each student is a user of the machine, and logs in with the password there; any other authenticator of JupyterHub does as well. Started by
anybody else, all servers run as that user: to look at it, not for a class. What a university changes stands in the environment.
"""

import os
import secrets
import socket
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

ADDRESS = os.environ.get("CLASSROOM_ADDRESS", "http://127.0.0.1:8000")  # HTTPS is the business of what stands before it
AUTHENTICATOR = os.environ.get("CLASSROOM_AUTHENTICATOR", "pam")  # of the university: oauthenticator's, ldapauthenticator's, …
STATE = Path(os.environ.get("CLASSROOM_STATE", ".")).resolve()  # who is there, cookies, logs; nobody else's to read
STUDENTS, INSTRUCTORS = "students", "instructors"  # groups of the machine
MEMORY = 4 * 2**30  # bytes for each process of a student; the largest notebook takes less than half of it
IDLE = 3600  # seconds without a sign of life, after which a server ends; notebooks are saved by then


def is_loopback(address: str) -> bool:
    """Does the address, all that its name stands for, belong to this machine alone?"""
    host = urlsplit(address).hostname or "0.0.0.0"  # http://:8000 means everywhere
    return all(ip_address(found[4][0]).is_loopback for found in socket.getaddrinfo(host, None))


if AUTHENTICATOR.lower().rpartition(".")[2] in ("dummy", "dummyauthenticator") and not is_loopback(ADDRESS):
    raise SystemExit(f"The dummy authenticator lets everybody in as anybody: it is for {ADDRESS} only if that is this machine alone. "
                     "Take http://127.0.0.1:8000, or your university's authenticator.")

c = get_config()  # noqa: F821
STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
token = STATE / "proxy_token"
if not token.exists():
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))

c.JupyterHub.bind_url = ADDRESS
c.JupyterHub.authenticator_class = AUTHENTICATOR
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.ConfigurableHTTPProxy.auth_token = token.read_text()
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = False  # a hub that starts again finds all of them at work
c.LocalAuthenticator.allowed_groups = {STUDENTS, INSTRUCTORS}
c.LocalAuthenticator.admin_groups = {INSTRUCTORS}
if AUTHENTICATOR == "dummy":
    c.Authenticator.allow_all = True
    c.Authenticator.admin_users = {"instructor"}
if os.geteuid() != 0:
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(STATE / "homes" / "{username}")

ARGUMENTS = [f"--ServerApp.shutdown_no_activity_timeout={IDLE}", f"--MappingKernelManager.cull_idle_timeout={IDLE}", "--LabApp.extension_manager=readonly"]
FORMGRADER = "--ServerApp.jpserver_extensions=nbgrader.server_extensions.formgrader=True"

c.Spawner.cmd = ["prlimit", f"--data={MEMORY}", "--core=0", "jupyterhub-singleuser"]
c.Spawner.args = ARGUMENTS
c.Spawner.default_url = "/lab"
# One core for each: a class computes at the same minute. And memory that is free goes back to the machine.
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "100000", "MALLOC_MMAP_THRESHOLD_": "100000"}
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "XAITUTOR_WEIGHTS_DIR", "TORCH_HOME"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # seconds: a whole class begins together
c.JupyterHub.concurrent_spawn_limit = 20


def for_instructors(spawner) -> None:
    """The formgrader is for instructors, at …/user-redirect/formgrader."""
    spawner.args = [*ARGUMENTS, FORMGRADER] if spawner.user.admin else ARGUMENTS


c.Spawner.pre_spawn_hook = for_instructors
