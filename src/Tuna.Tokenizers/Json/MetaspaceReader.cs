using Tuna.Tokenizers.Decoders;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.Json;

/// <summary>Reads Metaspace, which is a pre-tokenizer and a decoder with the same settings.</summary>
internal static class MetaspaceReader
{
    public static (IPreTokenizer Split, IDecoder Decoder) Read(JsonFields fields)
    {
        string replacement = fields.Character("replacement");
        fields.Ignore("str_rep");
        bool? prefix = fields.FlagOrNull("add_prefix_space");
        string scheme = fields.TextOrNull("prepend_scheme") ?? (prefix == false ? "never" : "always");
        if (scheme is not ("first" or "always" or "never"))
            throw fields.Unsupported($"the prepend_scheme '{scheme}' is not known; there are first, always and never.");
        if (prefix == false && scheme != "never")
            throw new InvalidDataException(
                $"{fields.Where}: add_prefix_space is false and prepend_scheme '{scheme}'; they contradict each other.");
        bool cuts = fields.Flag("split", true);
        return (new Metaspace(replacement, scheme == "always", scheme == "first", cuts),
            new MetaspaceDecoder(replacement, scheme != "never"));
    }
}
