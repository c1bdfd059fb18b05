using Microsoft.ML.Tokenizers;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.ByteLevel;

/// <summary>
/// A pattern of code points as a pre-tokenizer of Microsoft.ML.Tokenizers; what the pattern leaves out stays in the text, as words of its
/// own.
/// </summary>
internal sealed class CodePointPreTokenizer(TextPattern pattern) : PreTokenizer
{
    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return PreTokenize(text.AsSpan());
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text)
    {
        var matches = new List<(int Start, int End)>();
        pattern.Find(text, matches);
        var words = new List<(int, int)>(matches.Count);
        int end = 0;
        foreach ((int start, int stop) in matches)
        {
            if (start > end)
                words.Add((end, start - end));
            if (stop > start)
                words.Add((start, stop - start));
            end = stop;
        }

        if (end < text.Length)
            words.Add((end, text.Length - end));
        return words;
    }
}
