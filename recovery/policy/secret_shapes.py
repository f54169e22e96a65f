"""What secrets look like: patterns that RE2 and Python's own engine read alike, and a check that needs no RE2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from recovery.policy.secret_values import KEYS_OF_OTHER_KINDS, is_password, is_password_of_user, is_random_value

_BORDER = r"(?:\b|[0-9_])"
"""Before prefixes so short that words end in them: `disk-`, `task_`, `MSG.`."""

SHAPES = "|".join(
    (
        r"gh[opsur]_[A-Za-z0-9]{16,}",
        r"github_pat_[A-Za-z0-9_]{20,}",
        r"gl(?:pat|rtr?|dt|cbt|ptt|ft|soat|imt|agent|oas|ffct)-[A-Za-z0-9_.-]{16,}",
        r"A(?:KI|SI)A[0-9A-Z]{16}",
        r"xox[abceoprs]-[A-Za-z0-9-]{10,}",
        r"xapp-[A-Za-z0-9-]{10,}",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_/-]{8,}",
        r"discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[A-Za-z0-9_/-]{16,}",
        r"dckr_[po]at_[A-Za-z0-9_-]{16,}",
        r"npm_[A-Za-z0-9]{30,}",
        r"pypi-[A-Za-z0-9_-]{30,}",
        r"rubygems_[A-Za-z0-9]{32,}",
        rf"{_BORDER}sk-[A-Za-z0-9_-]{{20,}}",
        rf"{_BORDER}[rs]k_(?:live|test|prod)_[A-Za-z0-9]{{16,}}",
        r"whsec_[A-Za-z0-9+/=_-]{20,}",
        r"ya29\.[A-Za-z0-9_-]{20,}",
        r"GOCSPX-[A-Za-z0-9_-]{20,}",
        r"AIza[A-Za-z0-9_-]{30,}",
        rf"{_BORDER}1//0[A-Za-z0-9_-]{{20,}}",
        r"hv[bsr]\.[A-Za-z0-9_-]{20,}",
        r"[A-Za-z0-9]{10,20}\.atlasv1\.[A-Za-z0-9_-]{20,}",
        rf"{_BORDER}SG\.[A-Za-z0-9_-]{{16,}}\.[A-Za-z0-9_-]{{16,}}",
        r"hf_[A-Za-z0-9]{30,}",
        r"do[opr]_v1_[A-Za-z0-9]{32,}",
        r"dapi[a-f0-9]{32}",
        r"glsa_[A-Za-z0-9_]{20,}",
        r"glc_[A-Za-z0-9+/=]{20,}",
        r"NR(?:AK|JS|II|AA)-[A-Za-z0-9]{18,}",
        r"shp(?:at|ca|pa|ss|tka)_[A-Za-z0-9]{24,}",
        r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}",
        r"pul-[a-f0-9]{32,}",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{20,}",
        r"AGE-SECRET-KEY-1[A-Za-z0-9]{20,}",
        r"AT[AC]TT3x[A-Za-z0-9_=-]{20,}",
        r"ATBB[A-Za-z0-9]{24,}",
        r"nfp_[A-Za-z0-9]{30,}",
        r"sbp_[A-Za-z0-9]{32,}",
        r"fm[12][ar]?_[A-Za-z0-9+/=]{20,}",
        r"fo1_[A-Za-z0-9_-]{30,}",
        r"AKCp[A-Za-z0-9]{20,}",
        r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}",
        r"(?:ntn|secret)_[A-Za-z0-9]{30,}",
        r"figd_[A-Za-z0-9_-]{20,}",
        r"PMAK-[A-Za-z0-9-]{24,}",
        r"sntry[su]_[A-Za-z0-9+/=_-]{20,}",
        r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}",
        r"SK[0-9a-f]{32}",
        rf"{_BORDER}key-[0-9a-f]{{32}}\b",
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        r"(?s:-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?"
        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$))",
    )
)

CREDENTIALS = (
    r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)"
    r"(?:[^\s/@:]*@(?:[^\s/]*@)?|[^\s/@:\[]*:(?:[^\s/@]*@(?:\S*@)?|[0-9]*[^\s/@0-9]\S*@))"
)
"""A slash in a password is told from the slash after a port by what stands before it: `http://host:80/a@b` stays."""

_SCHEMES = r"bearer|basic|token|negotiate|digest|api-?key|key|jwt|bot|ntlm|oauth|genie-?key|ssws|splunk|sharedkey"
_MARK = r"\\*[\"']?"
_SPACE = r"[ \t]*"

INTRODUCED = (
    rf"(?i)((?:proxy-)?authorization{_MARK}\s*[:=]\s*{_MARK}(?:(?:{_SCHEMES})\s+)?)[^\s\"']+",
    r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{16,}",
    rf"(?i)((?:set-)?cookie2?{_MARK}{_SPACE}[:=]{_SPACE}{_MARK})[^\s=;,\"']+=[^\r\n]*",
    r"(?i)((?:\b|u0026)(?:sig|signature|AccountKey|SharedAccessKey|SharedAccessSignature)=)[A-Za-z0-9+/=_%-]{16,}",
    r"(?i)(X-(?:Amz|Goog)-(?:Signature|Security-Token)=)[^\s&\"'<>]{8,}",
)
"""What is a secret because of what stands before it, which is the group of each pattern."""

_QUOTED = r"""\\+"[^"\n]*"?|\\+'[^'\n]*'?|"(?:[^"\\\n]|\\[^\n])*"?|'(?:[^'\\\n]|\\[^\n])*'?"""
_FILLED_IN_LATER = r"\$?\{\{[^}\n]*\}\}\S*|<[^<>\n]*>\S*|\$\([^)\n]*\)\S*"
_BARE = r"""[^\s"'{\[(:=\\]\S*|[{\[(\\][^\s"'{\[(\\]\S*"""
_VALUE = rf"({_QUOTED}|{_FILLED_IN_LATER}|{_BARE})"
_IS = rf"{_MARK}[\])]{{0,2}}{_SPACE}(?::=|=>|={{1,3}}|:){_SPACE}"


def _assigned(names: str) -> str:
    """Values given to names, in the query of an address up to the next `&`, and elsewhere up to a blank."""
    in_query = rf"([?&](?:amp;)?[a-z0-9_.-]{{0,30}}(?:{names})=)([^\s&#\"'<>]*)"
    return rf"(?i){in_query}|((?:{names}){_IS}){_VALUE}"


_PASSWORDS = r"password|passwd|passphrase|passcode|pwd"
_SECRETS = (
    rf"secret|token|credentials?|(?:{'|'.join(KEYS_OF_OTHER_KINDS)})?[_-]key|_auth"
    r"|(?:api|access|private|encryption|encrypt|signing|master|account|shared|service|session|storage|hmac)[_-]?key"
)
_WORDS_OF_PASSWORDS = rf"(?:{_PASSWORDS}|[a-z0-9]_pass)[0-9]{{0,3}}"
_PASS = rf"(?i)(\b(?:pass\\*[\"']{_SPACE}:|pass{_SPACE}=){_SPACE}){_VALUE}"
_FLAG = r"(?:--[a-z0-9-]{{0,30}}|\s-)(?:{}){}?,?[ \t]+"
_FLAG_VALUE = rf"({_QUOTED}|{_FILLED_IN_LATER}|[^\s\"'{{\[(:=\\-]\S*)"
_USER = r"((?:^|\s)(?:-u|--(?:proxy-)?user)[ \t=]*[\"']?[^\s:\"'/$]{1,64}:)([^\s:/\"'][^\s\"']*)"

ASSIGNED: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    (_assigned(_WORDS_OF_PASSWORDS), is_password),
    (_PASS, is_password),
    (rf"(?i)({_FLAG.format(_PASSWORDS + '|pass', _MARK)}){_FLAG_VALUE}", is_password),
    (_USER, is_password_of_user),
    (_assigned(rf"(?:{_SECRETS}|{_PASSWORDS})[a-z0-9_-]{{0,40}}"), is_random_value),
    (rf"(?i)({_FLAG.format('secret|token|api-?key|access-?key|auth', _MARK)}){_FLAG_VALUE}", is_random_value),
)
"""Patterns of a name (a group) and its value (the next group), and what says whether the value is a secret."""

_UNSEEN = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\ufffd[0-9;]+m|[\x00\x08\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
)
"""Colours, also those whose first byte is no UTF-8, and characters that nobody sees: they may split a secret."""

_WINDOW = 4096
"""Characters that Python's own engine, which may take quadratic time, is given at once."""


def legible(text: str) -> str:
    """The text without what does not show."""
    return _UNSEEN.sub("", text)


def name_and_value(groups: tuple[str | None, ...]) -> tuple[str, str]:
    """What a pattern of `ASSIGNED` found."""
    name, value = (group for group in groups if group is not None)
    return name, value


def holds_secret(text: str) -> bool:
    """Whether something in a text has the shape of a secret; for where RE2 is not installed."""
    return any(map(_window_holds_secret, _windows(text)))


def _windows(text: str) -> Iterator[str]:
    for each in dict.fromkeys((text, legible(text))):
        yield from (each[start : start + _WINDOW] for start in range(0, len(each), _WINDOW // 2))


def _window_holds_secret(window: str) -> bool:
    shapes, assigned = _compiled()
    return shapes.search(window) is not None or any(
        is_secret(*name_and_value(match.groups()))
        for pattern, is_secret in assigned
        for match in pattern.finditer(window)
    )


@cache
def _compiled() -> tuple[re.Pattern[str], list[tuple[re.Pattern[str], Callable[[str, str], bool]]]]:
    introduced = (f"(?i:{each.removeprefix('(?i)')})" for each in INTRODUCED)
    shapes = "|".join((SHAPES, CREDENTIALS, *introduced))
    # As RE2 does, letters, digits and blanks are those of ASCII.
    return re.compile(shapes, re.ASCII), [(re.compile(pattern, re.ASCII), judge) for pattern, judge in ASSIGNED]
