# SPDX-License-Identifier: Apache-2.0
"""Writes a C++ source that holds a JSON file as `openapi_document`: embed.py IN OUT"""
import json
import sys

with open(sys.argv[1], encoding='utf-8') as source:
    text = json.dumps(json.load(source), ensure_ascii=True, separators=(',', ':'))
data = text.encode('ascii')
rows = [', '.join(str(byte) for byte in data[at:at + 32]) for at in range(0, len(data), 32)]
with open(sys.argv[2], 'w', encoding='ascii') as out:
    out.write('#include <string_view>\n\nnamespace tarn::server {\n')
    out.write('static constexpr char openapi_text[] = {\n' + ',\n'.join(rows) + '};\n')
    out.write('extern const std::string_view openapi_document;\n')
    out.write('const std::string_view openapi_document{openapi_text, sizeof openapi_text};\n}\n')
