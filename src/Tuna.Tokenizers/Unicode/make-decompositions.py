"""Writes decompositions.txt from Python's unicodedata. Run it with a Python whose unidata_version is the one wanted."""
import sys
import unicodedata


def hexes(text):
    return " ".join(f"{ord(c):X}" for c in text)


lines = [
    f"# Unicode {unicodedata.unidata_version}, from UnicodeData.txt: made by make-decompositions.py.",
    "# Canonical decompositions CODE=CODES (with ! where they are never composed again), compatibility ones CODE<CODES,",
    "# canonical combining classes FIRST-LAST:CLASS. Hangul syllables follow from arithmetic.",
]
classes = []
for code in range(sys.maxunicode + 1):
    char = chr(code)
    combining = unicodedata.combining(char)
    if combining:
        if classes and classes[-1][1] == code - 1 and classes[-1][2] == combining:
            classes[-1][1] = code
        else:
            classes.append([code, code, combining])
    field = unicodedata.decomposition(char)
    if not field or 0xAC00 <= code <= 0xD7A3:
        continue
    if field.startswith("<"):
        lines.append(f"{code:X}<{' '.join(f'{int(h, 16):X}' for h in field.split()[1:])}")
    else:
        parts = [chr(int(h, 16)) for h in field.split()]
        excluded = unicodedata.normalize("NFC", char) != char
        lines.append(f"{code:X}={hexes(parts)}{'!' if excluded else ''}")
lines += [f"{first:X}-{last:X}:{combining}" for first, last, combining in classes]
with open("decompositions.txt", "w", encoding="ascii", newline="\n") as file:
    file.write("\n".join(lines) + "\n")
