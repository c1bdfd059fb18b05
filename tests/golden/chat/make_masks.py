"""Asks Transformers which tokens of conversations the assistant writes (return_assistant_tokens_mask) and writes the reference of the mask tests.

    python3 make_masks.py tests/golden

Of answers that end with a character of several tokens Transformers masks the first of them only, and of answers whose first or last token begins with a space
that the tokenizer's offsets leave out it masks nothing or everything after; such answers are not among the conversations.
"""
import json, os, sys
from transformers import PreTrainedTokenizerFast

golden = sys.argv[1]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=os.path.join(golden, "tokenizers", "bytelevel_bpe.tokenizer.json"),
                                    bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")
u, a, s = (lambda t: {"role": "user", "content": t}), (lambda t: {"role": "assistant", "content": t}), (lambda t: {"role": "system", "content": t})
CONVERSATIONS = [
    [u("Hello, how are you?"), a("Fine.")],
    [u("Hello!"), a("Hi. What can I do?"), u("Name a fish."), a("Tuna.")],
    [s("Be brief."), u("Hello!"), a("Hi."), u("Sum up:\n\n1. one\n2. two"), a("1 and 2\n\nthat is all")],
    [u("  spaces \n"), a("\n\tleading and trailing  \n\n"), u("\u00a0nbsp\u3000"), a("\n\nlines\n")],
    [u("ünïcödé 漢字 \U0001f41f\u200d\U0001f469 'single' \"double\" end"), a("\U0001f41f tuna 漢字!"), u("ok"), a("ünï.")],
    [a("I begin."), u("Good."), a("Then you."), a("Twice.")],
    [u("one"), s("late system"), a("two"), u("three"), a("four" * 40)],
    [u("nobody answers")],
    [u("empty"), a(""), u("more"), a("full")],
]
TEMPLATES = {
    "end token inside": "{{ bos_token }}{% for m in messages %}[{{ m.role }}]\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}",
    "content alone": "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
    "marks in plain text": "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>\n' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}",
    "two marks an answer": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}A: {% endgeneration %}>>{% generation %}{{ m.content }};{% endgeneration %}{% else %}U: {{ m.content }}\n{% endif %}{% endfor %}",
    "the last answer alone": "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' and loop.last %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.role }} {{ m.content }}\n{% endif %}{% endfor %}",
    "training.jinja": open(os.path.join(golden, "chat", "templates", "training.jinja"), encoding="utf-8", newline="").read(),
}
cases = []
for name, template in TEMPLATES.items():
    tokenizer.chat_template = template
    for messages in CONVERSATIONS:
        out = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        cases.append({"template": name, "messages": messages, "ids": list(out["input_ids"]), "mask": "".join(map(str, out["assistant_masks"]))})
with open(os.path.join(golden, "chat", "masks.json"), "w", encoding="utf-8") as f:
    json.dump({"templates": TEMPLATES, "cases": cases}, f, ensure_ascii=False, separators=(",", ":"))
    f.write("\n")
print(len(cases), "cases,", sum("1" in c["mask"] for c in cases), "with answers")
