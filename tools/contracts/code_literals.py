"""Problem codes as the C++ writes them: as the number of a status and a code after it, as a member
`code`, or as the argument of a function whose parameter is named `code`."""

import re

COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
CODE = r'"([a-z][a-z0-9_]*)"'
CHOICE = rf'(?:[^;{{}}"]{{1,200}}\?\s*{CODE}\s*:\s*)?{CODE}'
AFTER_STATUS = re.compile(rf"\b([45]\d\d),\s*{CHOICE}")
MEMBER = re.compile(rf"\.\s*code\s*=\s*{CHOICE}")
HEAD = re.compile(r"\b(\w+)\(([^()]*\bstd::string(?:_view)?\s+code\b[^()]*)\)")


def codes_in(texts):
    """{code: {status}} of one program's sources; without a status where it is written elsewhere."""
    texts = [COMMENTS.sub(" ", text) for text in texts]
    takers = {
        (name, position_of_code(parameters))
        for text in texts
        for name, parameters in HEAD.findall(text)
    }
    found = {}
    for text in texts:
        for status, *codes in AFTER_STATUS.findall(text):
            for code in filter(None, codes):
                found.setdefault(code, set()).add(int(status))
        for code in (code for codes in MEMBER.findall(text) for code in codes if code):
            found.setdefault(code, set())
        for name, position in takers:
            argument = r"\b%s\(\s*%s%s" % (re.escape(name), r"[^(),]+,\s*" * position, CODE)
            for code in re.findall(argument, text):
                found.setdefault(code, set())
    return found


def position_of_code(parameters):
    names = [parameter.split()[-1].lstrip("&*") for parameter in parameters.split(",")]
    return names.index("code") if "code" in names else 0


def codes_below(*folders):
    """Of all C++ in these folders that isn't a test."""
    files = sorted(
        path
        for folder in folders
        for path in folder.rglob("*.[ch]pp")
        if not path.name.endswith(".test.cpp")
    )
    return codes_in([path.read_text(encoding="utf-8") for path in files])
