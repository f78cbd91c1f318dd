# SPDX-License-Identifier: Apache-2.0
"""Values for requests, made from the server's own OpenAPI document: such as it must take, and such as it must refuse
with the name of the field. What the document says in words only is in `RULES`."""

import re
import string

NETWORKS = ["192.0.2.1", "192.0.2.0/24", "2001:db8::/32", "2001:db8::7", "198.51.100.128/25", "10.0.0.0/8"]
NOT_NETWORKS = ["10.0.0.1/8", "0.0.0.0/0", "::/0", "1.2.3", "010.0.0.1", "localhost", "", "192.0.2.1/33", "fe80::1%eth0"]
NOT_URLS = ["http://127.0.0.1/x", "https://u:p@keys.example/x", "file:///etc/passwd", "https://169.254.169.254/", "https://[::1]/",
            "https://127.1/", "https://0x7f000001/", "https://keys.example:22/", "gopher://keys.example/", "https://keys.example/#f"]
CONTROL = ["\0", "\x1b[31m", "\x7f", "\r"]
SECRETS = {"authorizationCode", "previousAuthorizationCode"}
NOT_CHARACTERS = [" ", "/", "é", "\0", "<img src=x onerror=alert(1)>", "..\\", "%2e", "\U0001f3a5", "\n"]


class Document:
    def __init__(self, document):
        self.root = document
        self.paths = document["paths"]

    def resolve(self, node):
        while "$ref" in node:
            at = self.root
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        for alternative in node.get("anyOf", []):  # an object, or null
            if alternative.get("type") != "null":
                return self.resolve(alternative)
        return node

    def parameters(self, path, method):
        listed = self.paths[path].get("parameters", []) + self.paths[path][method].get("parameters", [])
        return [self.resolve(one) for one in listed]

    def operations(self):
        return [(path, method) for path in self.paths for method in self.paths[path] if method != "parameters"]

    def body(self, path, method):
        """The schema of what is sent; that of a whole resource, which has the words, where it is a patch of one. None: no body."""
        name = self.body_name(path, method)
        return self.root["components"]["schemas"][name.removesuffix("Patch")] if name else None

    def body_name(self, path, method):
        content = self.paths[path][method].get("requestBody", {}).get("content", {})
        return next(iter(content.values()))["schema"]["$ref"].rsplit("/", 1)[1] if content else None

    def nullable(self, path, method):
        """Settings that a request may put back to their defaults."""
        name = self.body_name(path, method)
        if not name or not name.endswith("Patch"):
            return set()
        return {field for field, node in self.fields(self.root["components"]["schemas"][name]) if "null" in kinds(node)}

    def fields(self, schema, prefix=""):
        """[(path, schema)] of every setting; those of an object within are "object.setting"."""
        found = []
        for name, node in schema["properties"].items():
            node_or_object = self.resolve(node)
            if node.get("readOnly") or node_or_object.get("readOnly"):
                continue
            if "properties" in node_or_object:
                found += self.fields(node_or_object, f"{prefix}{name}.")
            else:
                found.append((prefix + name, node))
        return found


def kinds(schema):
    kind = schema.get("type")
    return kind if isinstance(kind, list) else [kind]


def is_for(schema, protocol):
    """Whether an endpoint of the protocol has the setting: its description begins with the protocols it is for."""
    match = re.match(r"((?:HLS|HLS_CMAF|DASH)(?: and (?:HLS|HLS_CMAF|DASH))*)(?: only)?:", schema.get("description", ""))
    return match is None or protocol in match.group(1).split(" and ")


class Values:
    """Seeded; `random` decides everything."""

    def __init__(self, random):
        self.random = random
        self.marks = 0

    def word(self, least, most, letters):
        return "".join(self.random.choice(letters) for _ in range(self.random.randint(least, most)))

    def mark(self):
        """A text of its own, to be recognised where it must not be."""
        self.marks += 1
        return f"s3cr3t-{self.marks}-{self.random.getrandbits(48):012x}"

    def good(self, path, schema):
        name = path.rsplit(".", 1)[-1]
        if name in SECRETS:
            return self.mark()
        if name in ("ipWhitelist", "ipBlacklist"):
            return self.random.sample(NETWORKS, self.random.randint(0, 3))
        if name == "providerUrl":
            return "https://keys.example/" + self.word(0, 20, string.ascii_letters)
        if name == "rotationPeriod":
            return self.random.choice([0, 60, self.random.randint(60, schema["maximum"]), schema["maximum"]])
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "array" in kinds(schema):
            return self.random.sample(schema["items"]["enum"], self.random.randint(schema["minItems"], schema["maxItems"]))
        if "integer" in kinds(schema):
            edges = [schema["minimum"], schema["maximum"], self.random.randint(schema["minimum"], schema["maximum"])]
            return self.random.choice(edges)
        if "boolean" in kinds(schema):
            return self.random.random() < 0.5
        least, most = schema.get("minLength", 0), schema.get("maxLength", 100)
        if name == "constantIv":
            return self.word(least, most, "0123456789abcdefABCDEF")
        if "pattern" in schema:
            # long enough not to meet itself again
            return self.word(max(least, 8), self.random.choice([12, 12, min(most, 150)]), string.ascii_letters + string.digits + "_-")
        return self.word(least, self.random.choice([20, most]), string.ascii_letters + " <>&\"'äß語\n\t")

    def bad(self, path, schema):
        """A value of the wrong type, range, length or shape."""
        name = path.rsplit(".", 1)[-1]
        choices = [{"a": 1}, [[]], {}]
        if "string" not in kinds(schema):
            choices.append("7")
        if "boolean" not in kinds(schema):
            choices += [True, False]
        if "integer" not in kinds(schema):
            choices += [7, -1, 0]
        else:
            choices += [schema["minimum"] - 1, schema["maximum"] + 1, 2**63, -2**63, 1.5, 10**30]
        if "string" in kinds(schema) and "enum" in schema:
            choices += ["", schema["enum"][0].lower() + "x", schema["enum"][0] + "\0", " " + schema["enum"][0]]
        elif "string" in kinds(schema):
            choices += ["a" * (schema.get("maxLength", 512) + 1), "a" + self.random.choice(CONTROL) + "b"]
            choices += [""] if schema.get("minLength", 0) > 0 else []
            choices += ["abc" + self.random.choice(NOT_CHARACTERS)] * 3 if "pattern" in schema else []
        if name in ("ipWhitelist", "ipBlacklist"):
            choices += [[self.random.choice(NOT_NETWORKS)], [7], ["192.0.2.1"] * 200, "192.0.2.1"]
        if name == "systems":
            choices += [["WIDEVINE", "WIDEVINE"], ["CLEARKEY"], [], ["widevine"]]
        if name == "providerUrl":
            choices += NOT_URLS
        value = self.random.choice(choices)
        # to be recognised; with "" it would be right
        return self.mark() + value if name in SECRETS and isinstance(value, str) and value else value


def put(body, path, value):
    *objects, last = path.split(".")
    for name in objects:
        body = body.setdefault(name, {})
    body[last] = value


def mend(values, body, protocol):
    """RULES: what the document says about settings together."""
    manifest, drm = body.get("manifest") or {}, body.get("drm")
    least, most = manifest.get("minVideoBitrate"), manifest.get("maxVideoBitrate")
    if least is not None and most is not None and least > most:
        manifest["minVideoBitrate"], manifest["maxVideoBitrate"] = most, least
    if body.get("previousAuthorizationCode") is not None:
        body["authorizationCode"] = body.get("authorizationCode") or values.mark()
    elif "authorizationCode" in body and body["authorizationCode"] is None:
        body["previousAuthorizationCode"] = None
    if drm is None:
        return body
    drm.setdefault("providerUrl", "https://keys.example/speke")
    drm.setdefault("systems", ["WIDEVINE"])
    method = drm.setdefault("encryptionMethod", "SAMPLE_AES")
    if protocol == "DASH" or method == "CENC":
        drm["systems"] = [name for name in drm["systems"] if name != "FAIRPLAY"] or ["WIDEVINE"]
    if method == "CENC":
        drm.pop("constantIv", None)
    return body
