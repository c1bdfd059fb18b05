using System.Text.Json;
using Tuna.Tokenizers.Normalizers;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.Json;

/// <summary>Reads the <c>normalizer</c> of tokenizer.json.</summary>
internal static class NormalizerReader
{
    public static INormalizer Read(JsonElement element, string where)
    {
        var fields = new JsonFields(element, where);
        string type = fields.Text("type");
        INormalizer normalizer = type switch
        {
            "Sequence" => new NormalizerSequence([.. fields.Items("normalizers").Select((e, i) => Read(e, $"{where}.normalizers[{i}]"))]),
            "NFC" => new UnicodeNormalizer(compose: true, compatibility: false),
            "NFD" => new UnicodeNormalizer(compose: false, compatibility: false),
            "NFKC" => new UnicodeNormalizer(compose: true, compatibility: true),
            "NFKD" => new UnicodeNormalizer(compose: false, compatibility: true),
            "Lowercase" => new LowercaseNormalizer(),
            "Prepend" => new PrependNormalizer(fields.Text("prepend")),
            "Replace" => new ReplaceNormalizer(PatternReader.Read(fields), fields.Text("content")),
            "Strip" => new StripNormalizer(fields.Flag("strip_left", true), fields.Flag("strip_right", true)),
            "StripAccents" => new StripAccentsNormalizer(),
            "Nmt" => new NmtNormalizer(),
            "ByteLevel" => new ByteLevelNormalizer(),
            "Precompiled" => PrecompiledNormalizer.Read(fields.Text("precompiled_charsmap"), where),
            _ => throw fields.Unsupported($"the normalizer {type} is not supported."),
        };
        fields.Done();
        return normalizer;
    }
}

/// <summary>Reads the <c>pattern</c> of a component: <c>{"String": text}</c> or <c>{"Regex": expression}</c>.</summary>
internal static class PatternReader
{
    public static TextPattern Read(JsonFields fields)
    {
        var pattern = new JsonFields(fields.Required("pattern"), $"{fields.Where}.pattern");
        string? text = pattern.TextOrNull("String"), regex = pattern.TextOrNull("Regex");
        pattern.Done();
        return (text, regex) switch
        {
            ({ } literal, null) => TextPattern.OfLiteral(literal),
            (null, { } expression) => TextPattern.OfRegex(expression, pattern.Where),
            _ => throw new InvalidDataException($"{pattern.Where} should have either 'String' or 'Regex'."),
        };
    }
}
