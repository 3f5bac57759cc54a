#!/usr/bin/python3
"""Programs of hiredis, in test_hiredis.c, and a server for them."""

import subprocess

from servers import BUILD, DEADLINE_S, main, test


@test
def what_programs_of_hiredis_do_works(server):
    words = [*server.address.rsplit(":", 1), server.addresses[1].removeprefix("unix:")]
    program = BUILD / "tests" / "clients" / "test_hiredis"
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=DEADLINE_S)
    print(done.stdout, end="")
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    main()
