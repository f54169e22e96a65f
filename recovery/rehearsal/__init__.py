"""A local GitHub on which a failing workflow and its recovery are rehearsed, by `act` or by a script.

`world` holds runs, artifacts, caches and comments with GitHub's rules; `server` and `api` serve it over HTTP; `act`
executes attempts on this machine; `events` lets one thing follow from another; `rehearsal` conducts. `backstage` and
`shims` stand in for the usual actions instead of GitHub's npm toolkit against the servers of `act`: they need no
network, and those servers lack the very rules a rehearsal is for (409 on a second artifact of one name, digests,
caches that `workflow_run` may only read).
"""
