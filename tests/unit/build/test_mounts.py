"""build/mounts: RUN --mount."""

from __future__ import annotations

from typing import Any

import pytest
from dockerfiles import fields, last

from ocipipe.build.instruction import DockerfileError
from ocipipe.build.steps import Run


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("target=/x", {"kind": "bind", "target": "/x", "readonly": True}),
        ("type=bind,target=.", {"kind": "bind", "target": ".", "readonly": True}),
        ("type=bind,src=a,dst=/x,rw", {"kind": "bind", "source": "a", "target": "/x"}),
        ("type=bind,source=a,destination=/x,readwrite=false", {"kind": "bind", "source": "a", "target": "/x",
                                                              "readonly": True}),
        ("type=bind,from=debian,target=/x,ro", {"kind": "bind", "from_": "debian", "target": "/x", "readonly": True}),
        ("type=cache,target=/x", {"kind": "cache", "target": "/x", "id": "/x"}),
        ("type=cache,target=/x/../y/", {"kind": "cache", "target": "/x/../y/", "id": "/y"}),
        ("TYPE=cache,Target=/x,id=i", {"kind": "cache", "target": "/x", "id": "i"}),
        ("type=cache,target=/x,sharing=locked,mode=0700,uid=1,gid=2,ro",
         {"kind": "cache", "target": "/x", "id": "/x", "sharing": "locked", "mode": 0o700, "uid": 1, "gid": 2,
          "readonly": True}),
        ("type=cache,target=/x,from=debian,source=/y", {"kind": "cache", "target": "/x", "id": "/x",
                                                        "from_": "debian", "source": "/y"}),
        ("type=cache,target=/x,sharing=private", {"kind": "cache", "target": "/x", "id": "/x", "sharing": "private"}),
        ("type=secret,id=k", {"kind": "secret", "id": "k", "target": "/run/secrets/k", "readonly": True}),
        ("type=secret,src=k,required", {"kind": "secret", "id": "k", "target": "/run/secrets/k", "readonly": True,
                                        "required": True}),
        ("type=secret,target=/root/.netrc", {"kind": "secret", "id": ".netrc", "target": "/root/.netrc",
                                             "readonly": True}),
        ("type=secret,id=k,env=KEY", {"kind": "secret", "id": "k", "env": "KEY", "readonly": True}),
        ("type=secret,env=KEY", {"kind": "secret", "id": "KEY", "env": "KEY", "readonly": True}),
        ("type=secret,id=k,env=KEY,target=/k", {"kind": "secret", "id": "k", "env": "KEY", "target": "/k",
                                                "readonly": True}),
        ("type=secret,id=k,mode=0444,uid=7,gid=8,required=true",
         {"kind": "secret", "id": "k", "target": "/run/secrets/k", "mode": 0o444, "uid": 7, "gid": 8, "readonly": True,
          "required": True}),
        ("type=ssh", {"kind": "ssh", "id": "default", "readonly": True}),
        ("type=ssh,id=i,target=/s,required=false,mode=0666", {"kind": "ssh", "id": "i", "target": "/s", "mode": 0o666,
                                                              "readonly": True}),
        ("type=tmpfs,target=/x", {"kind": "tmpfs", "target": "/x"}),
        ("type=tmpfs,target=/x,size=64m", {"kind": "tmpfs", "target": "/x", "size": 64 << 20}),
        ("type=cache,target=$V/x,id=${V#/}", {"kind": "cache", "target": "/v/x", "id": "v"}),
        ('type=tmpfs,\\"target=/a,b\\"', {"kind": "tmpfs", "target": "/a,b"}),
    ],
)  # fmt: skip
def test_mounts(text: str, found: dict[str, Any]) -> None:
    _, steps = last(f"ARG V=/v\nWORKDIR /w\nRUN --mount={text} make")
    run = steps[-1]
    assert isinstance(run, Run)
    assert [fields(mount) for mount in run.mounts] == [found]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("type=volume,target=/x", "volume is no type of mount (use bind, cache, secret, ssh, tmpfs)"),
        ("type=cahce,target=/x", "did you mean cache?"),
        ("type=bind", "a mount of type bind needs a target"),
        ("type=cache", "needs a target"),
        ("type=tmpfs", "needs a target"),
        ("type=bind,target=/", "cannot be mounted on /"),
        ("type=tmpfs,target=..", "cannot be mounted on /"),
        ("type=bind,target=/x,id=y", "a mount of type bind has no id"),
        ("type=bind,target=/x,mode=0700", "has no mode"),
        ("type=tmpfs,target=/x,from=y", "has no from"),
        ("type=bind,target=/x,sharing=locked", "has no sharing"),
        ("type=cache,target=/x,required", "has no required"),
        ("type=cache,target=/x,size=1m", "has no size"),
        ("type=ssh,env=X", "has no env"),
        ("type=cache,traget=/x", "traget is no option of a mount (did you mean target?)"),
        ("type=cache,target=/x,sharing=lock", "sharing=lock is not known (did you mean locked?)"),
        ("type=cache,target=/x,mode=rwx", "mode=rwx is not octal permissions like 0755"),
        ("type=cache,target=/x,mode=77777", "is not octal permissions"),
        ("type=cache,target=/x,uid=me", "uid=me is not a number"),
        ("type=cache,target=/x,gid=-1", "gid=-1 is not a number"),
        ("type=tmpfs,target=/x,size=big", "size=big is no size"),
        ("type=tmpfs,target=/x,size=-1", "size=-1 is no size"),
        ("type=bind,target=/x,ro=perhaps", "readonly=perhaps is neither true nor false"),
        ("type=bind,target=/x,ro,rw", "cannot be both readonly and readwrite"),
        ("type=secret", "a secret needs an id"),
        ("type=secret,id=a,src=b", "source and id mean the same secret"),
        ("type=bind,target", "target is no name=value"),
        ("type=bind,,target=/x", "nothing is no name=value"),
        ("type=bind,target=${V:?no target}", "V: no target"),
        ("type=bind,from=$V,target=/x", "variables do not work in from"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        last(f"RUN --mount={text.replace(' ', chr(92) + ' ')} make")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("Dockerfile:2: RUN")
