# SPDX-License-Identifier: Apache-2.0
"""Two readable stories on this machine, with real processes and a real iSCSI target. Exit status 1 when a bound or an
expectation did not hold. Usage: demo.py [RENEW], as 300ms or 3s."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tests', 'cluster'))

import arbitration  # noqa: E402
import rig  # noqa: E402
import views  # noqa: E402
from story import Story  # noqa: E402


def main():
    rig.end_cleanly()
    renew_ms = rig.milliseconds(sys.argv[1] if len(sys.argv) > 1 else '3s')
    try:
        arbitration.tell(renew_ms)
        views.tell(renew_ms)
    except KeyboardInterrupt:
        print('\ndemo: ended by Ctrl-C; everything is cleaned up')
        sys.exit(130)
    except rig.Unexpected as problem:
        sys.exit('demo: %s' % problem)
    print('demo: %d passed, %d failed, 0 skipped' % (Story.passed, Story.failed), flush=True)
    sys.exit(0 if Story.failed == 0 else 1)


if __name__ == '__main__':
    main()
