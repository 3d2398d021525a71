"""A pretended `gh api`: the comments of one pull request, kept in a file."""

import json
import subprocess
import sys
from pathlib import Path

BOT = "github-actions[bot]"


def main(folder: str, api: str, *words: str) -> None:
    """`--paginate PATH --jq FILTER` reads; `--method M PATH -F body=@FILE --silent` writes."""
    assert api == "api"
    path = Path(folder) / "comments.json"
    comments = json.loads(path.read_text())
    if words[0] == "--paginate":
        _, address, flag, wanted = words
        assert (address, flag) == ("repos/acme/jobs/issues/7/comments", "--jq")
        subprocess.run(["jq", "-r", wanted], input=path.read_text(), text=True, check=True)
        return
    _, method, address, flag, body, silent = words
    assert (flag, body, silent) == ("-F", "body=@plan.md", "--silent")
    text = Path("plan.md").read_text()
    if method == "POST":
        assert address == "repos/acme/jobs/issues/7/comments"
        comments.append({"id": len(comments), "user": {"login": BOT}, "body": text})
    else:
        number = int(address.removeprefix("repos/acme/jobs/issues/comments/"))
        comments[number]["body"] = text
    path.write_text(json.dumps(comments))


main(*sys.argv[1:])
