using System.Text;
using System.Text.Json;
using Tuna.Tokenizers.ByteLevel;
using Tuna.Tokenizers.PreTokenizers;
using Tuna.Tokenizers.Unicode;

namespace Tuna.Tokenizers.Json;

/// <summary>Reads the <c>pre_tokenizer</c> of tokenizer.json as a list of steps.</summary>
internal static class PreTokenizerReader
{
    /// <summary>Adds the steps of a component and of its parts.</summary>
    public static void Read(JsonElement element, string where, List<IPreTokenizer> steps)
    {
        var fields = new JsonFields(element, where);
        string type = fields.Text("type");
        switch (type)
        {
            case "Sequence":
                int index = 0;
                foreach (JsonElement part in fields.Items("pretokenizers"))
                    Read(part, $"{where}.pretokenizers[{index++}]", steps);
                break;
            case "Split":
                steps.Add(new PatternSplit(PatternReader.Read(fields), Behavior(fields, null), fields.Flag("invert", false)));
                break;
            case "ByteLevel":
                ByteLevel(fields, steps);
                break;
            case "Metaspace":
                steps.Add(MetaspaceReader.Read(fields).Split);
                break;
            case "Digits":
                bool single = fields.Flag("individual_digits", false);
                steps.Add(new CharacterSplit(CharacterClass.IsNumeric, single ? SplitBehavior.Isolated : SplitBehavior.Contiguous));
                break;
            case "Punctuation":
                steps.Add(new CharacterSplit(CharacterClass.IsPunctuation, Behavior(fields, SplitBehavior.Isolated)));
                break;
            case "Whitespace":
                steps.Add(new RunSplit(rune => CharacterClass.IsWord(rune) ? 1 : Rune.IsWhiteSpace(rune) ? 0 : 2));
                break;
            case "WhitespaceSplit":
                steps.Add(new CharacterSplit(Rune.IsWhiteSpace, SplitBehavior.Removed));
                break;
            case "CharDelimiterSplit" or "Delimiter":
                string delimiter = fields.Character("delimiter");
                steps.Add(new CharacterSplit(rune => rune.ToString() == delimiter, SplitBehavior.Removed));
                break;
            case "BertPreTokenizer":
                steps.Add(new CharacterSplit(Rune.IsWhiteSpace, SplitBehavior.Removed));
                steps.Add(new CharacterSplit(CharacterClass.IsPunctuation, SplitBehavior.Isolated));
                break;
            case "FixedLength":
                steps.Add(new FixedLengthSplit(fields.Number("length", 1)));
                break;
            default:
                throw fields.Unsupported($"the pre-tokenizer {type} is not supported.");
        }

        fields.Done();
    }

    private static void ByteLevel(JsonFields fields, List<IPreTokenizer> steps)
    {
        fields.Ignore("trim_offsets"); // offsets are not given here
        if (fields.Flag("add_prefix_space", true))
            steps.Add(new PrefixSpace());
        if (fields.Flag("use_regex", true))
            steps.Add(new PatternSplit(TextPattern.OfRegex(Patterns.Gpt2, fields.Where), SplitBehavior.Isolated, invert: false));
        steps.Add(new SpellBytes());
    }

    private static SplitBehavior Behavior(JsonFields fields, SplitBehavior? otherwise)
    {
        string? name = otherwise is null ? fields.Text("behavior") : fields.TextOrNull("behavior");
        if (name is null)
            return otherwise!.Value;
        return Enum.TryParse(name, out SplitBehavior behavior) && behavior.ToString() == name
            ? behavior
            : throw fields.Unsupported(
                $"the behaviour '{name}' is not known; there are {string.Join(", ", Enum.GetNames<SplitBehavior>())}.");
    }
}
