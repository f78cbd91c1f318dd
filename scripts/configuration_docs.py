#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md: the options and settings as build/server/configuration_reference prints them from the
server's own tables, with the descriptions of docs/api/openapi.json.

    scripts/configuration_docs.py build/server/configuration_reference            writes the page
    scripts/configuration_docs.py --check build/server/configuration_reference    says whether it is out of date"""

import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "configuration.md")

HEAD = """# Configuration reference

Written by `scripts/configuration_docs.py` from the tables that the server itself reads; a test fails when it is out of
date. What the words mean in practice: [operations.md](operations.md).

## Options of tarnd

`--NAME VALUE` or `--NAME=VALUE` on the command line, `"NAME": VALUE` in the JSON object of `--config FILE`; the command
line wins. In the file numbers and switches may be JSON numbers and booleans, and lists JSON lists of texts; unknown and
repeated names are refused. There are no environment variables of the server's own: GStreamer's (`GST_REGISTRY`,
`GST_PLUGIN_PATH`) and the service manager's `NOTIFY_SOCKET` are honoured. An option is read once, at start; certificates
alone are read anew when they change. A wrong one ends the server with 2 before anything is opened.

| option, name in the file | takes | default | |
|---|---|---|---|
"""

SETTINGS = """
`--config FILE`, `--help` and `--version` are on the command line only.

## Settings of resources

In requests to the [control API](api/openapi.json) and in the file of `--resources`. A setting of `manifest` or `drm` is a
member of the object of that name. A value outside its range is refused (400) with the name of the setting; nothing is
rounded or ignored. `null` in a PATCH means the default.
"""


def code(text):
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def option_row(option):
    """One line of the table of options."""
    named = "--" + option["name"] + (" " + option["argument"] if option["argument"] else "")
    if not option["argument"]:
        return f"| {code(named)} | a switch; `true` or `false` in the file | off | {option['help']} |"
    preset = option["preset"]
    shown = preset[1:-1] if preset.startswith("<") and preset.endswith(">") else code(preset)
    return f"| {code(named)} | {option['allowed']} | {shown or 'not set'} | {option['help']} |"


def described(schemas, resource, name):
    """The property of openapi.json that describes a setting."""
    if "." in name:
        outer, name = name.split(".")
        resource = outer.capitalize()
    return schemas[resource]["properties"][name]


def protocols(field):
    """The endpoint protocols that have the setting, or "" for all."""
    names = [shown for key, shown in (("hls", "HLS"), ("hlsCmaf", "HLS_CMAF"), ("dash", "DASH")) if field[key]]
    return "" if len(names) == 3 else ", ".join(names)


def preset_of(field):
    """What a setting is when nobody says."""
    if field["required"]:
        return "required"
    value = field["preset"]
    if value is None or value == []:
        return "not set" if value is None else "none"
    if value == "":
        return "empty"
    return code(value if isinstance(value, str) else json.dumps(value))


def field_row(schemas, resource, field):
    """One line of a table of settings."""
    property_ = described(schemas, resource, field["name"])
    if "default" in property_ and not field["required"] and property_["default"] != field["preset"]:
        sys.exit(f"{field['name']}: the default is {field['preset']!r}, not {property_['default']!r} as openapi.json says")
    notes = [property_.get("description", "")]
    if field["fixed"] and "cannot be changed" not in notes[0].lower():
        notes.append("Cannot be changed.")
    if field["secret"] and "secret" not in notes[0].lower():
        notes.append("A secret.")
    note = " ".join(note for note in notes if note).replace("|", "\\|").replace("<", "&lt;")
    cells = [code(field["name"]), field["allowed"], preset_of(field)]
    if resource == "Endpoint":
        cells.append(protocols(field))
    return "| " + " | ".join(cells + [note]) + " |"


def page(reference):
    """All of docs/configuration.md."""
    with open(os.path.join(ROOT, "docs", "api", "openapi.json"), encoding="utf-8") as file:
        schemas = json.load(file)["components"]["schemas"]
    lines = [option_row(option) for option in reference["options"]]
    text = HEAD + "\n".join(lines) + "\n" + SETTINGS
    for resource, title in (("ChannelGroup", "Channel groups"), ("Channel", "Channels"), ("Endpoint", "Endpoints"),
                            ("Rotation", "Rotation of an input's credentials")):
        only = " only in |" if resource == "Endpoint" else ""
        rows = [field_row(schemas, resource, field) for field in reference[resource]]
        text += f"\n### {title}\n\n| setting | takes | default |{only} |\n"
        text += "|---|---|---|---|" + ("---|" if only else "") + "\n" + "\n".join(rows) + "\n"
    return text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("program")
    options = parser.parse_args()
    printed = subprocess.run([options.program], capture_output=True, text=True, check=True).stdout
    wanted = page(json.loads(printed))
    have = open(PAGE, encoding="utf-8").read() if os.path.exists(PAGE) else ""
    if have == wanted:
        return 0
    if options.check:
        print("docs/configuration.md is out of date: run scripts/configuration_docs.py")
        return 1
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(wanted)
    print("wrote docs/configuration.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
