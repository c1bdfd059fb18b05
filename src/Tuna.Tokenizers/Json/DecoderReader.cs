using System.Text.Json;
using Tuna.Tokenizers.Decoders;
using Tuna.Tokenizers.Normalizers;

namespace Tuna.Tokenizers.Json;

/// <summary>Reads the <c>decoder</c> of tokenizer.json.</summary>
internal static class DecoderReader
{
    public static IDecoder Read(JsonElement element, string where)
    {
        var fields = new JsonFields(element, where);
        string type = fields.Text("type");
        IDecoder decoder;
        switch (type)
        {
            case "Sequence":
                decoder = new DecoderSequence([.. fields.Items("decoders").Select((e, i) => Read(e, $"{where}.decoders[{i}]"))]);
                break;
            case "ByteLevel":
                fields.Ignore("add_prefix_space", "trim_offsets", "use_regex"); // they concern encoding
                decoder = new ByteLevelDecoder();
                break;
            case "ByteFallback":
                decoder = new ByteFallbackDecoder();
                break;
            case "Fuse":
                decoder = new FuseDecoder();
                break;
            case "Metaspace":
                decoder = MetaspaceReader.Read(fields).Decoder;
                break;
            case "Replace":
                var replace = new ReplaceNormalizer(PatternReader.Read(fields), fields.Text("content"));
                decoder = new TokenDecoder(token =>
                {
                    bool unused = false;
                    return replace.Normalize(token, ref unused);
                });
                break;
            case "Strip":
                string content = fields.Character("content");
                if (content.Length > 1)
                    throw fields.Unsupported("a character above U+FFFF to strip is not supported.");
                decoder = new StripDecoder(content[0], fields.Number("start", 0), fields.Number("stop", 0));
                break;
            case "BPEDecoder":
                decoder = new WordSuffixDecoder(fields.Text("suffix"));
                break;
            case "WordPiece":
                decoder = new WordPieceDecoder(fields.Text("prefix"), fields.Flag("cleanup", true));
                break;
            default:
                throw fields.Unsupported($"the decoder {type} is not supported.");
        }

        fields.Done();
        return decoder;
    }
}
