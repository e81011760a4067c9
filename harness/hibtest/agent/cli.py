"""The agent's command line."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from signal import valid_signals

from hibtest.agent import pageout, settings, target
from hibtest.agent.errors import AgentError, NoImage
from hibtest.agent.guardian.guard import guarded, recover
from hibtest.agent.image.format import CHECKSUMS, CODECS
from hibtest.agent.log import KMSG, Log
from hibtest.agent.settings import SaveSettings

# as in sysexits.h, where it has a word for it
_FAILED, _NO_IMAGE, _NOT_UNDONE = 1, 3, 4
_DAY = 86400.0  # s


def main(argv: list[str]) -> int:
    """Carry out a command; return the exit status.

    0: done (for ``save``: resumed); 1: failed, all undone; 2: usage; 3: no image; 4: failed, and
    something could not be undone.
    """
    words = _parser().parse_args(argv)
    try:
        status: int = words.run(words)
    except NoImage as error:
        print(f"agent: {error}", file=sys.stderr)
        return _NO_IMAGE
    except (AgentError, OSError) as error:
        print(f"agent: {error}", file=sys.stderr)
        return _FAILED
    return status


def _save(words: argparse.Namespace) -> int:
    from hibtest.agent.save import Save

    chosen = _settings(words)
    ended = guarded(Log(words.log), lambda log, journal: Save(chosen, log, journal).run())
    print(json.dumps(ended._asdict()))
    if not ended.undone:
        return _NOT_UNDONE
    return 0 if ended.status == 0 else _FAILED


def _dry_run(words: argparse.Namespace) -> int:
    from hibtest.agent.dry_run import dry_run

    print(json.dumps(dry_run(_settings(words)), indent=2))
    return 0


def _resume(words: argparse.Namespace) -> int:
    from hibtest.agent.resume import resume

    log = Log(words.log)
    try:
        resume(target.parse(words.target, words.keys), log, words.reach)
    except NoImage as error:
        log.say("no image", why=str(error))
        raise
    except AgentError as error:
        log.say("refused", why=str(error))
        raise
    return 0


def _discard(words: argparse.Namespace) -> int:
    from hibtest.agent.image import withdraw

    withdraw.undo({"target": target.parse(words.target, words.keys)})
    return 0


def _status(words: argparse.Namespace) -> int:
    from hibtest.agent.status import status

    found = status(target.parse(words.target, words.keys))
    print(json.dumps(found, indent=2))
    return 0


def _recover(words: argparse.Namespace) -> int:
    return 0 if recover(Log(words.log)) else _NOT_UNDONE


def _needed(words: argparse.Namespace) -> int:
    from hibtest.agent.needed import command

    return command.run([words.form] if words.form else [])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent.pyz", description="Hibernation from userspace.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    save = commands.add_parser("save", help="write all of memory to a target and power off")
    save.set_defaults(run=_save)
    _target_options(save)
    _save_options(save)
    dry = commands.add_parser("dry-run", help="say what a save would do; changes nothing")
    dry.set_defaults(run=_dry_run)
    _target_options(dry)
    _save_options(dry)
    resume = commands.add_parser("resume", help="resume, in early userspace")
    resume.set_defaults(run=_resume)
    _target_options(resume)
    resume.add_argument(
        "--reach",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="seconds to try again when an image server does not answer (default: 60)",
    )
    status = commands.add_parser("status", help="say whether a target holds an image")
    status.set_defaults(run=_status)
    _target_options(status)
    gone = commands.add_parser("discard", help="give an image up: it is never resumed")
    gone.set_defaults(run=_discard)
    _target_options(gone)
    back = commands.add_parser("recover", help="undo what a save has left that was killed")
    back.set_defaults(run=_recover)
    back.add_argument("--log", default=KMSG, metavar="FILE", help=f"default: {KMSG}")
    asked = commands.add_parser("needed", help="say whom the disks need, and why")
    asked.add_argument("--json", action="store_const", const="--json", dest="form")
    asked.add_argument("--dot", action="store_const", const="--dot", dest="form")
    asked.set_defaults(run=_needed)
    return parser


def _target_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--target",
        default="swap",
        help="swap[:DEVICE], raw:DEVICE or server:HOST:PORT (default: the swap in use)",
    )
    command.add_argument(
        "--keys", default="", metavar="FILE", help="PEM: the server's CA, our certificate, our key"
    )
    command.add_argument("--log", default=KMSG, metavar="FILE", help=f"default: {KMSG}")


def _save_options(save: argparse.ArgumentParser) -> None:
    default = SaveSettings(target=target.Target("swap", ""))
    _image_options(save, default)
    _standstill_options(save, default)
    _test_options(save)


def _image_options(save: argparse.ArgumentParser, default: SaveSettings) -> None:
    save.add_argument(
        "--overwrite", action="store_true", help="write over whatever a raw target holds"
    )
    save.add_argument("--mode", choices=settings.MODES, default=default.mode)
    save.add_argument("--compress", choices=CODECS, default=default.compress)
    save.add_argument("--checksum", choices=CHECKSUMS, default=default.checksum)
    save.add_argument(
        "--allocate", choices=("early", "late"), default="late", help="when swap slots are taken"
    )
    save.add_argument(
        "--buffer-pages",
        type=_number("pages, 16 at least", 16, 1 << 20),
        default=default.buffer_pages,
        metavar="N",
        help="the most memory that writing takes (default: %(default)s)",
    )
    save.add_argument(
        "--image-size",
        type=_number("bytes", 0, (1 << 63) - 1),
        metavar="BYTES",
        help="what the image should not exceed",
    )


def _standstill_options(save: argparse.ArgumentParser, default: SaveSettings) -> None:
    save.add_argument(
        "--stopper", choices=settings.STOPPERS, default=default.stopper, help="who stops first"
    )
    save.add_argument(
        "--needed",
        choices=settings.NEEDED,
        default=default.needed,
        help="who of the stopped goes on for the sync",
    )
    save.add_argument(
        "--page-out",
        choices=pageout.WAYS,
        default=default.page_out,
        help="push the memory of the stopped out to swap",
    )
    save.add_argument(
        "--patience",
        type=_seconds,
        default=default.patience,
        metavar="S",
        help="for stopping and for syncing (default: %(default)s)",
    )
    save.add_argument(
        "--protect", choices=settings.PROTECTIONS, default=default.protect, help="the filesystems"
    )
    save.add_argument(
        "--scratch",
        default="",
        metavar="DEV",
        help="for dm-snapshot: takes what is written after the snapshot; all on it is lost",
    )


def _test_options(save: argparse.ArgumentParser) -> None:
    save.add_argument(
        "--scribble",
        default="",
        metavar="FILE",
        help="leave a process running that writes to FILE after the snapshot, for tests",
    )
    save.add_argument(
        "--fail-at",
        type=_fault,
        default="",
        metavar="STEP[:kill|:guardian[s]=N|:oom=N]",
        help="fail there on purpose, for tests",
    )


def _number(what: str, least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number of {what}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _DAY:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 86400 at most")
    return seconds


def _fault(text: str) -> str:
    step, _, how = text.partition(":")
    whom, _, number = how.partition("=")
    signals = {str(int(one)) for one in valid_signals()}
    guardian = whom in ("guardian", "guardians") and number in signals
    oom = whom == "oom" and number in map(str, range(1, 100))
    if text and (step not in settings.STEPS or not (how in ("", "kill") or guardian or oom)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of STEP, STEP:kill, STEP:guardian[s]=SIGNAL, STEP:oom=TIMES, "
            f"where STEP is one of {', '.join(settings.STEPS)}"
        )
    return text


def _settings(words: argparse.Namespace) -> SaveSettings:
    early = words.allocate == "early"
    where = target.parse(words.target, words.keys, early=early, overwrite=words.overwrite)
    given = {name: getattr(words, name) for name in SaveSettings._fields if name != "target"}
    return SaveSettings(target=where, **given)
