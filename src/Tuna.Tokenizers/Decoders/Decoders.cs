using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Tuna.Tokenizers.ByteLevel;

namespace Tuna.Tokenizers.Decoders;

/// <summary>Tokens in GPT-2's alphabet back to bytes and text; a token with other characters is its own text.</summary>
internal sealed class ByteLevelDecoder : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (string token in tokens)
            ByteLevelAlphabet.AddBytes(token, bytes);
        return [Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes))];
    }
}

/// <summary>Runs of <c>&lt;0xHH&gt;</c> to text; a run that is not UTF-8 as a whole gives one U+FFFD for each byte.</summary>
internal sealed class ByteFallbackDecoder : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        var bytes = new List<byte>();
        foreach (string token in tokens)
        {
            if (token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
                && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b))
            {
                bytes.Add(b);
                continue;
            }

            Flush();
            result.Add(token);
        }

        Flush();
        return result;

        void Flush()
        {
            ReadOnlySpan<byte> run = CollectionsMarshal.AsSpan(bytes);
            if (!run.IsEmpty)
                result.Add(System.Text.Unicode.Utf8.IsValid(run) ? Encoding.UTF8.GetString(run) : new string('\uFFFD', run.Length));
            bytes.Clear();
        }
    }
}

/// <summary>Takes up to a number of one character off the ends of each token.</summary>
internal sealed class StripDecoder(char content, int start, int stop) : IDecoder
{
    public List<string> Apply(List<string> tokens) => tokens.ConvertAll(token =>
    {
        int from = 0, to = token.Length;
        while (from < start && from < token.Length && token[from] == content)
            from++;
        while (token.Length - to < stop && to > from && token[to - 1] == content)
            to--;
        return token[from..to];
    });
}

/// <summary>The visible space back to a space; in the first token it is dropped where the pre-tokenizer put one.</summary>
internal sealed class MetaspaceDecoder(string replacement, bool dropsFirst) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        foreach (string token in tokens)
            result.Add(token.Replace(replacement, result.Count == 0 && dropsFirst ? "" : " ", StringComparison.Ordinal));
        return result;
    }
}

/// <summary>A mark at the end of words to a space.</summary>
internal sealed class WordSuffixDecoder(string suffix) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        foreach (string token in tokens)
            result.Add(token.Replace(suffix, result.Count == tokens.Count - 1 ? "" : " ", StringComparison.Ordinal));
        return result;
    }
}

/// <summary>The mark of continued words taken off, a space before the others.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : IDecoder
{
    private static readonly (string From, string To)[] Cleanup =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
            (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public List<string> Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        foreach (string token in tokens)
        {
            string text = result.Count == 0
                ? token : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
            if (cleanup)
                text = Cleanup.Aggregate(text, (t, pair) => t.Replace(pair.From, pair.To, StringComparison.Ordinal));
            result.Add(text);
        }

        return result;
    }
}
