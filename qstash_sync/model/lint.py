"""THE table of lint: what can be said of a file that is right, and is asking for trouble.

Each row has a code, by which `lint:` of the file disables it or makes an error of it, the reason
and the remedy. The rules stand in `qstash_sync/lint/`; docs/lint.md is made of this table.
"""

from datetime import UTC, date, datetime
from enum import StrEnum

from qstash_sync.crons.compilation import Peculiarity
from qstash_sync.model.diagnostics import Severity
from qstash_sync.record import record


class Code(StrEnum):
    """What lint can find; what there is to know of a time is the compiler's."""

    BOTH_DAYS = Peculiarity.BOTH_DAYS
    CALLBACK_LOOP = "callback_loop"
    CLOCK_CHANGE = Peculiarity.CLOCK_CHANGE
    DAILY_MESSAGES = "daily_messages"
    DEFAULT_RETRIES = "default_retries"
    DELAY_MOVES_TIME = "delay_moves_time"
    FIXED_ZONE = "fixed_zone"
    FLOW_CONFLICT = "flow_conflict"
    FOLLOW_ENDS = Peculiarity.FOLLOW_ENDS
    LARGE_BODY = "large_body"
    LATE_DAY = "late_day"
    LATE_RETRIES = "late_retries"
    NATIVE_DIFFERS = Peculiarity.NATIVE_DIFFERS
    NEAR_NAME = "near_name"
    NO_FAILURE_CALLBACK = "no_failure_callback"
    NO_TIMEOUT = "no_timeout"
    OVERLAPPING_RETRIES = "overlapping_retries"
    PEAK_MINUTE = "peak_minute"
    PREVIEW_HOST = "preview_host"
    QUEUE_PARALLELISM = "queue_parallelism"
    SLOW_DRAIN = "slow_drain"
    TIMEOUT_ABOVE_FREE = "timeout_above_free"
    UNEVEN_STEP = "uneven_step"
    UNEXPANDED = "unexpanded"


@record(kw_only=True)
class Rule:
    """A row; handler: what to check in the program that is called, where that is the remedy.

    about: what its findings are about, where that is never a schedule, which has no say then.
    """

    code: Code
    severity: Severity = Severity.WARNING
    finds: str
    reason: str
    remedy: str
    handler: str = ""
    about: str = ""


@record(kw_only=True)
class Levels:
    """What a file, or one of its schedules, makes of findings; until: the last day of `disable`."""

    disable: tuple[Code, ...] = ()
    error: tuple[Code, ...] = ()
    until: date | None = None

    def disables(self, code: Code, now: datetime) -> bool:
        """Whether a code is not told now; the day of `until` is over when it is over in UTC."""
        return code in self.disable and not self.is_over(now)

    def is_over(self, now: datetime) -> bool:
        """Whether `disable` held, and does not any more."""
        return self.until is not None and now.astimezone(UTC).date() > self.until


NO_LEVELS = Levels()
RULES = (
    Rule(
        code=Code.NO_FAILURE_CALLBACK,
        finds="a schedule without failure_callback",
        reason="When the last retry has failed, the message goes to the dead-letter queue, and"
        " nobody is told.",
        remedy="Write failure_callback, once for all in defaults.",
        handler="The callback is a POST whose body holds the failed message: verify its signature"
        " like any other delivery's.",
    ),
    Rule(
        code=Code.DEFAULT_RETRIES,
        severity=Severity.INFO,
        finds="a schedule whose retries nobody has written",
        reason="QStash then tries three times more, after 12 s, 2 min 28 s and 30 min: a job that"
        " must not run twice may run four times.",
        remedy="Write retries, once for all in defaults; 0 where a job must never run twice.",
        handler="Deliveries are at least once, whatever retries says: make the handler idempotent,"
        " by Upstash-Message-Id.",
    ),
    Rule(
        code=Code.LATE_RETRIES,
        finds="retries of which the last comes more than an hour after the firing, its delay"
        " among it",
        reason="QStash's backoff grows fast: the fourth retry comes after 6 h more, the fifth"
        " after 24 h. A report of 09:00 is then made in the night.",
        remedy="Write retries: 3 or fewer, or a retry_delay; let the next firing do the rest.",
        handler="A late delivery should see how late it is, by Upstash-Schedule-Id and the time in"
        " its body, and give up.",
    ),
    Rule(
        code=Code.OVERLAPPING_RETRIES,
        finds="retries that are still going on when the schedule fires again",
        reason="Two messages of one schedule are then under way, and the older can come last.",
        remedy="Fewer retries, or a shorter retry_delay.",
        handler="Take a lock by the schedule's id, or make the order of deliveries not matter.",
    ),
    Rule(
        code=Code.NO_TIMEOUT,
        severity=Severity.INFO,
        finds="a schedule without timeout",
        reason="QStash waits for an answer as long as its plan allows (15 min to 12 h); a handler"
        " that hangs is not seen, and not retried, before.",
        remedy="Write timeout, a little above what the job takes.",
    ),
    Rule(
        code=Code.TIMEOUT_ABOVE_FREE,
        finds="a timeout above the free plan's, where the file names no plan",
        reason="QStash ends the request at its plan's limit: a longer timeout is not kept. With"
        " limits: {plan: …} it is an error.",
        remedy="Write limits: {plan: …}, or a shorter timeout.",
        handler="Answer at once, and work in the background or in steps.",
    ),
    Rule(
        code=Code.LARGE_BODY,
        finds="a body above 100 KB",
        reason="It is stored, sent and logged with each firing, and counts as bandwidth.",
        remedy="Send a reference, such as a key or an address, and let the handler fetch it.",
    ),
    Rule(
        code=Code.CALLBACK_LOOP,
        finds="a callback whose address is the destination's, or one of its URL group's",
        reason="The handler then gets its own answer, or its own failure, as if it were a job.",
        remedy="Give callbacks an address of their own.",
        handler="A callback has the header Upstash-Source-Message-Id or a body with"
        " sourceMessageId; a job has not.",
    ),
    Rule(
        code=Code.PREVIEW_HOST,
        finds="an address of a preview deployment or of a tunnel",
        reason="It goes away with the next deploy or with the laptop, and the schedule goes on.",
        remedy="Use the address that stays. Schedules of a preview, in a namespace that `destroy`"
        " takes away with it, are right: disable the code in that environment's defaults. That"
        " holds for a URL group, too, if all schedules that call it disable the code; for a group"
        " that none calls, only the file's own lint does.",
        handler="Preview deployments often ask for a login: QStash gets 401 and retries.",
    ),
    Rule(
        code=Code.DELAY_MOVES_TIME,
        finds="a delay of a minute or more on a schedule",
        reason="The message is made when the cron says, and delivered later: 09:00 with 2 h is"
        " 11:00, which no calendar shows.",
        remedy="Write the time that is meant as the cron.",
    ),
    Rule(
        code=Code.CLOCK_CHANGE,
        finds="a time that a clock change skips or repeats, where the file has no policy for it",
        reason="The default is Debian's: never lost and never twice for a time of day, every real"
        " hour for an interval. Is it what you want?",
        remedy="Write dst: {gap: …, fold: …} for what is meant, both for both changes of a year, or"
        " move the job to an hour that exists once every day.",
    ),
    Rule(
        code=Code.FIXED_ZONE,
        finds="a zone that is called like a winter time of the United States, such as EST",
        reason="It has that offset all year: in summer the job is an hour off the clocks there.",
        remedy="Write a place, such as America/New_York.",
    ),
    Rule(
        code=Code.BOTH_DAYS,
        finds="a cron with a day of the month and a weekday",
        reason="It fires on either; many people, and other crons, read it as both.",
        remedy="Write two crons, or check the date in the handler for both.",
    ),
    Rule(
        code=Code.LATE_DAY,
        finds="a day of the month that some of the months do not have (29 to 31), where no other"
        " cron of the list fires in them",
        reason="In those months the job does not run at all.",
        remedy="Use the 28th or the 1st; for the last day, list a cron for each length of a month,"
        " or fire on 28-31 and check in the handler whether tomorrow is the 1st.",
    ),
    Rule(
        code=Code.UNEVEN_STEP,
        finds="a step whose gaps are not all alike, such as */7 or 30/15 minutes, or */2 days",
        reason="It starts anew with every hour, day, week, month or year, so the last gap is"
        " another. A step over a narrower range, such as 8-20/5, is taken as it is written; so are"
        " crons of a list that are even together.",
        remedy="Take a step that divides (of 60: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30), or list"
        " the values that are meant.",
    ),
    Rule(
        code=Code.FOLLOW_ENDS,
        finds="a schedule of the strategy follow",
        reason="It is right for the offset in force now, and an hour off from the next clock"
        " change until the next apply.",
        remedy="Use split, or apply on the day of the change.",
    ),
    Rule(
        code=Code.NATIVE_DIFFERS,
        finds="a native schedule for which QStash's parser does something else than is declared",
        reason="A model of that parser misses, adds or doubles firings around clock changes.",
        remedy="Use split; or write what QStash's parser does: gap: skip and fold: both.",
    ),
    Rule(
        code=Code.PEAK_MINUTE,
        finds="more messages in one minute than the account's plan delivers at once",
        reason="The rest waits its turn, and one minute's burst meets your handlers all at once.",
        remedy="Spread the crons over the hour, or raise the plan; `next --load` shows who.",
        about="all schedules together",
    ),
    Rule(
        code=Code.DAILY_MESSAGES,
        finds="more messages on the busiest day than the account's plan allows",
        reason="What is above the daily limit is not delivered.",
        remedy="Fire less often, or raise the plan.",
        about="all schedules together",
    ),
    Rule(
        code=Code.QUEUE_PARALLELISM,
        finds="a queue with a parallelism above 1",
        reason="QStash is about to retire it in favour of flow control.",
        remedy="Use flow_control with a parallelism; keep a queue for order alone.",
        about="a queue",
    ),
    Rule(
        code=Code.FLOW_CONFLICT,
        finds="a flow-control key that several schedules give different limits",
        reason="Each message overwrites the key's limits with its own: which hold depends on who"
        " fired last.",
        remedy="Pin the limits once under flow_controls, and write flow_control: {key: …} alone.",
    ),
    Rule(
        code=Code.SLOW_DRAIN,
        finds="more messages under a flow-control key than its rate lets through before the next",
        reason="What waits grows from firing to firing, and everything comes late.",
        remedy="Raise the rate, fire less often, or spread the crons.",
    ),
    Rule(
        code=Code.NEAR_NAME,
        finds="a queue, url_group or flow_control that no file declares, where one of nearly the"
        " same name is declared",
        reason="It may be a slip of the pen. Whether there is one of this name in the account can"
        " only be told by `plan`, which then says nothing; where there is none it is an error.",
        remedy="Write the name that is declared; if the other one is in the account, declare it,"
        " too, or disable the code.",
    ),
    Rule(
        code=Code.UNEXPANDED,
        finds="a header or an address with $NAME, $(NAME), $var.name or {{ name }} in it",
        reason="Neither this tool nor QStash fills it in: the destination gets the very letters,"
        " and a credential written so fails at the first firing.",
        remedy="Write ${env.NAME}, or ${var.name} for what is no secret; disable the code where"
        " the letters are meant.",
    ),
)
BY_CODE = {rule.code: rule for rule in RULES}
