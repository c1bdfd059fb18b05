"""Writes decompositions.txt from Python's unicodedata. Run it with a Python whose unidata_version is the one wanted."""
import sys
import unicodedata


# Hugging Face tokenizers normalizes by an older Unicode (the crate unicode-normalization-alignments 0.1.12): what came later decomposes
# to nothing there and has no combining class. Found by comparing every code point.
LATER = """7FD 898-89F 8CA-8D3 9FE C3C D3B-D3C EBA 1715 1ABF-1ACE 1DF6-1DFA 32FF A7F2-A7F4 A82C AB69 10781-107BA 10D24-10D27 10EAB-10EAC
10F46-10F50 10F82-10F85 11070 1133B 1145E 11839-1183A 11938 1193D-1193E 11943 119E0 11A34 11A47 11A99 11D42 11D44-11D45 11D97 16FF0-16FF1
1E130-1E136 1E2AE 1E2EC-1E2EF 1F16C 1FBF0-1FBF9"""
later = set()
for span in LATER.split():
    first, _, last = span.partition("-")
    later.update(range(int(first, 16), int(last or first, 16) + 1))


def hexes(text):
    return " ".join(f"{ord(c):X}" for c in text)


lines = [
    f"# Unicode {unicodedata.unidata_version}, from UnicodeData.txt: made by make-decompositions.py.",
    "# Canonical decompositions CODE=CODES (with ! where they are never composed again), compatibility ones CODE<CODES,",
    "# canonical combining classes FIRST-LAST:CLASS. Hangul syllables follow from arithmetic. Characters that the Unicode of Hugging Face",
    "# tokenizers does not know are left out.",
]
classes = []
for code in range(sys.maxunicode + 1):
    if code in later:
        continue
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
