using System.Text;

namespace Tuna.Tokenizers.Tests.Oracle;

/// <summary>Texts of many scripts, digits, spaces, decomposed letters, emoji, code and special tokens written out, from a seed.</summary>
internal static class HostileTexts
{
    private static readonly (int First, int Last)[] Scripts =
    [
        (0x20, 0x7e), (0x20, 0x7e), (0x20, 0x7e), (0xa0, 0xff), (0x100, 0x24f), (0x250, 0x36f), (0x370, 0x3ff), (0x400, 0x52f),
            (0x531, 0x5f4),
        (0x600, 0x6ff), (0x900, 0x97f), (0x980, 0x9ff), (0xb80, 0xbff), (0xe00, 0xe5b), (0x10a0, 0x10ff), (0x1100, 0x11ff),
            (0x1200, 0x137f),
        (0x1e00, 0x1fff), (0x2000, 0x206f), (0x2070, 0x218f), (0x2190, 0x27bf), (0x3000, 0x30ff), (0x4e00, 0x9fff), (0xac00, 0xd7a3),
            (0xf900, 0xfaff),
        (0xfb00, 0xfdff), (0xfe00, 0xfeff), (0xff00, 0xffef), (0x10330, 0x1034a), (0x1d400, 0x1d7ff), (0x1f100, 0x1f6ff),
            (0x1f900, 0x1f9ff),
        (0x20000, 0x2a6df), (0x0, 0x1f), (0x7f, 0x9f),
    ];

    private static readonly string[] Words =
    [
        "the", "Hello", "world", "don't", "I'll", "we've", "It'S", "'\u017f", "\u212a'", "function", "return", "int", "{", "}", "();", "==",
            "->", "::",
        "http://", "foo_bar", "CamelCase", "caf\u00e9", "cafe\u0301", "na\u00efve", "\u1100\u1161\u11a8", "\uac01", "12", "345",
            "1234567890", "3.14",
        "1,000,000", "\u0661\u0662\u0663", "\u4f60\u597d", "\u3053\u3093", "\u30c6\u30b9\u30c8", "\U0001F600",
            "\U0001F468\u200d\U0001F469\u200d\U0001F467",
        "\U0001F1EB\U0001F1F7", "<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<|im_start|>", "<|im_end|>", "<|endoftext|>",
            "<|begin_of_text|>",
        "<|eot_id|>", "[INST]", "[/INST]", "<start_of_turn>", "<tool_call>", "<\uff5cUser\uff5c>", "<|EOT|>", "<unused3>", "<BOS_TOKEN>",
        "<|START_OF_TURN_TOKEN|>", "<|START_OF_TURN", "\u2581", "\u2581\u2581", "<0x41>", "<mask>", "\ufb01", "\u00bd", "\u2075", "\u00a0",
            "\u200b",
        "\u3000", "\ufeff", "a\u0323\u0307", "q\u0307\u0323", "\u0344", "\u212b", "\u1e9b\u0323", "word", "words", "sword", "cat", "concat",
            "<|x|>",
    ];

    private static readonly string[] Spaces =
        [" ", " ", " ", "", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "    ", "\n    ", "        ", " \n ", "\u00a0", "\u2003"];

    /// <summary>The texts of a seed; text n is the same whatever their number.</summary>
    public static List<string> Make(int count, ulong seed)
    {
        ulong state = (seed * 0x9E3779B97F4A7C15UL) + 1;
        var texts = new List<string>(count);
        for (int i = 0; i < count; i++)
        {
            var text = new StringBuilder();
            for (int part = 1 + Next(14); part > 0; part--)
                text.Append(Part(Scripts[i % Scripts.Length])).Append(Spaces[Next(Spaces.Length)]);
            texts.Add(text.ToString());
        }

        return texts;

        string Part((int First, int Last) script) => Next(8) switch
        {
            0 or 1 or 2 => Words[Next(Words.Length)],
            3 => string.Concat(Enumerable.Range(0, 1 + Next(9)).Select(_ => (char)('0' + Next(10)))),
            4 => Run(Scripts[Next(Scripts.Length)], 1 + Next(5)),
            5 => string.Concat(Enumerable.Repeat(Spaces[Next(Spaces.Length)], Next(5))),
            _ => Run(script, 1 + Next(8)),
        };

        string Run((int First, int Last) script, int length) =>
            string.Concat(Enumerable.Range(0, length)
                .Select(_ => new Rune(script.First + Next(script.Last - script.First + 1)).ToString()));

        // SplitMix64: the texts, and so the hashes of their ids, stay the same on every version of .NET.
        int Next(int below)
        {
            state += 0x9E3779B97F4A7C15UL;
            ulong z = state;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
            return (int)((z ^ (z >> 31)) % (ulong)below);
        }
    }
}
