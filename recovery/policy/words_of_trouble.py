"""Words around a trouble, by which its doubts are decided: of the same trouble, of lasting ones, of hosts."""

from __future__ import annotations

import re2

_TROUBLE = (
    r"network|connect(?:ion|ions|ed|ing)?|transfer(?:red|ring|s)?|download(?:ed|ing|s)?|fetch(?:ed|ing|es)?"
    r"|clon(?:e|ed|ing)|pull(?:ed|ing)?|resolv(?:e|ed|ing)|time[ds]?[ -]?out|reset|registry|eof|rpc|socket|ssl|tls"
    r"|proxy|hung up|rate limit|too many requests|retry|retries|retried|retrying|attempts?|shutdown|runner|agent"
)
_ENDING = (
    r"exit(?:ed)? (?:with )?(?:code|status)|operation was canceled|build stopped|complete log of this run"
    r"|failed to solve|unable to (?:upload|download) artifact|failed to (?:save|restore):|cache service"
)
_BEGINNINGS = (
    r"(?:npm|pnpm|yarn) +(?:err!|error|notice|warn|verb|http)\b|\[notice\]|caused by:|fatal: |err:\d|hint:",
    r"e: failed to fetch|(?:g?make|ninja)(?:\[\d+\])?: \*\*\* |-+$|#\d+ (?:error|canceled)|> \[|dockerfile:\d+|\d+ \|",
    # What Gradle and Maven close with, whatever it was.
    r"failure: build failed|build fail(?:ed|ure)\b|\* (?:try|what went wrong|where|get more help)",
    r"> (?:run with|get more help)|\d+ actionable tasks?|\[info\] *(?:$|-+$|build failure|total time|finished at)",
    r"\[error\] *(?:$|->|for more information|to see the full|re-run maven|after correcting)",
)
RESTATING = re2.compile(rf"(?i)^\s*(?:{'|'.join(_BEGINNINGS)})|\b(?:{_TROUBLE})\b|{_ENDING}")
"""How a tool goes on to speak of the same trouble, and how tools say that they end."""

COMMAND = re2.compile(r"^\s*(?:\+{1,3} \S|\$ \S|\[command\])")
"""What a shell or the runner writes before it runs the next command."""

LASTING = re2.compile(
    r"(?i)\b(?:40[0-79]|41\d|501)\b|certificate|x509|pkix|unknown ca\b|self[- ]signed|wrong.version.number"
    r"|verif(?:y|ication)|handshake[ _]fail|first record does not look|protocol[ _]version|unsupported protocol"
    r"|\bciphers?\b|key too small|renegotiation|unexpected tls packet|oversized record|unauthori[sz]ed|forbidden"
    r"|denied|blocked|firewall|revoked|expired|retired|\binvalid\b|not (?:accessible|allowed|found|exist)|no such file"
    r"|unknown (?:flag|option|repository)|credential|password|permission|checksum|signature|quota|billing"
    r"|unable to parse|cannot read|malformed|oomkilled|out of memory|size (?:exceeds|limit)|too large"
    r"|by the administrator|usage limit|\bper day\b|\bdaily\b|\bmonthly\b|regain access"
)
"""Trouble that is there again tomorrow."""

UNREACHED = re2.compile(
    r"(?i)refused|no route to host|(?:could(?: not|n't)|cannot|can't|unable to) resolve|name or service not known"
    r"|no such (?:host|name)|unknown ?host|enotfound|eai_again|nodename nor servname|dns error|name resolution"
    r"|getaddrinfo|(?:http\S*|error:?|status:?|code:?) (?:error |code )?50[0-4]\b"
    r"|\b50[0-4] (?:internal|bad|service|gateway)"
    r"|attempts to connect"
    r"|(?:failed to|could(?: not|n't)|cannot|can't|unable to) (?:connect|reach)|temporary error \(try again"
    r"|time[ds]?[ -]?out|deadline exceeded"
)
"""A host that did not answer: it may have a wrong name, or be a service of the job's own."""

HOST_NAMED = re2.compile(r"(?i)://[a-z]|\b(?:lookup|host|hostname|getaddrinfo \w+) [a-z0-9-]+\.[a-z]")

OWN_HOST = re2.compile(
    r"(?i)\blocalhost\b|\b127\.0\.0\.1\b|\b0\.0\.0\.0\b|\[::1?\]|\b10\.\d+\.\d+\.\d+\b|\b192\.168\.\d+\.\d+\b"
    r"|\b172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+\b|\b169\.254\.\d+\.\d+\b"
    r"|\b100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+\b"
    r"|//[a-z0-9_-]+(?::\d+)?(?:[/\s'\")]|$)|\b(?:to|host|from) [a-z0-9_-]+:\d{2,5}\b"
    r"|\.(?:internal|local|lan|test|svc)\b|\bproxyconnect\b|proxyerror|(?:from|to|via) (?:the )?proxy"
    r"|connect to \S*proxy|proxy connect|tunnel\w* (?:socket|connection)"
)
"""A host of one's own, and a proxy, which is one's own, too."""

_PUBLIC_HOSTS = (
    # GitHub, and what its packages and releases come from
    r"(?:api\.|codeload\.)?github\.com",
    r"(?:raw|objects|release-assets)\.githubusercontent\.com",
    r"ghcr\.io",
    # packages, by language
    r"registry\.(?:npmjs\.org|yarnpkg\.com)|nodejs\.org",
    r"pypi\.org|files\.pythonhosted\.org|(?:conda|repo)\.anaconda\.(?:org|com)",
    r"repo\.maven\.apache\.org|repo1\.maven\.org|(?:plugins|services|downloads)\.gradle\.org|(?:dl|maven)\.google\.com",
    r"(?:proxy\.|sum\.)?golang\.org|(?:static\.|index\.)?crates\.io|static\.rust-lang\.org",
    r"(?:index\.)?rubygems\.org|cdn\.cocoapods\.org|(?:api|www)\.nuget\.org|(?:repo\.)?packagist\.org",
    r"pub\.dev|(?:repo\.)?hex\.pm|hackage\.haskell\.org|cache\.nixos\.org|formulae\.brew\.sh|cran\.r-project\.org",
    # images and systems
    r"(?:registry-1\.|auth\.|download\.|production\.cloudflare\.)?docker\.(?:io|com)|quay\.io|gcr\.io",
    r"mcr\.microsoft\.com|packages\.microsoft\.com|registry\.k8s\.io|public\.ecr\.aws|storage\.googleapis\.com",
    r"(?:azure\.)?archive\.ubuntu\.com|(?:security|ports)\.ubuntu\.com|(?:deb|security)\.debian\.org",
    r"dl-cdn\.alpinelinux\.org|mirrors\.fedoraproject\.org",
)
PUBLIC_HOST = re2.compile(rf"(?i)(?:^|[^\w.@-])(?:{'|'.join(_PUBLIC_HOSTS)})(?:[^\w.-]|\.?$|\.\s)")
"""Hosts that everybody uses: where one of them cannot be reached, that passes."""

CODE_OF_CURL = re2.compile(r"\bcurl: \((\d+)\)")
ENDED_WITH = re2.compile(r"(?i)\bexit(?:ed)?(?: with)?(?: code| status)?:? (\d+)\b")

SENDING = re2.compile(r"\bsend-pack\b|\bunpack-objects\b")
SENT = re2.compile(r"(?i)\b(?:publish|push|put|post|deploy|release)(?:ed|ing|es)?\b")
