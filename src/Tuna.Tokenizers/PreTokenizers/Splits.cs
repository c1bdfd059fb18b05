using System.Text;
using Tuna.Tokenizers.ByteLevel;

namespace Tuna.Tokenizers.PreTokenizers;

/// <summary>Cuts by a pattern.</summary>
internal sealed class PatternSplit(TextPattern pattern, SplitBehavior behavior, bool invert) : IPreTokenizer
{
    public void Apply(Piece piece, List<Piece> output)
    {
        var matches = new List<(int, int)>();
        pattern.Find(piece.Span, matches);
        Splitting.Cut(piece, matches, behavior, invert, output);
    }
}

/// <summary>Cuts at characters of a kind; each is a match of its own.</summary>
internal sealed class CharacterSplit(Func<Rune, bool> isDelimiter, SplitBehavior behavior) : IPreTokenizer
{
    public void Apply(Piece piece, List<Piece> output)
    {
        var matches = new List<(int, int)>();
        int at = 0;
        foreach (Rune rune in piece.Span.EnumerateRunes())
        {
            if (isDelimiter(rune))
                matches.Add((at, at + rune.Utf16SequenceLength));
            at += rune.Utf16SequenceLength;
        }

        Splitting.Cut(piece, matches, behavior, invert: false, output);
    }
}

/// <summary>Cuts into runs of the same kind and keeps those that have one.</summary>
/// <param name="kindOf">The kind of a character; 0 for what is dropped.</param>
internal sealed class RunSplit(Func<Rune, int> kindOf) : IPreTokenizer
{
    public void Apply(Piece piece, List<Piece> output)
    {
        int at = 0, start = 0, kind = 0;
        foreach (Rune rune in piece.Span.EnumerateRunes())
        {
            int own = kindOf(rune);
            if (own != kind)
            {
                if (kind != 0 && at > start)
                    output.Add(piece.Slice(start, at));
                (start, kind) = (at, own);
            }

            at += rune.Utf16SequenceLength;
        }

        if (kind != 0 && at > start)
            output.Add(piece.Slice(start, at));
    }
}

/// <summary>Cuts into stretches of a number of characters.</summary>
internal sealed class FixedLengthSplit(int length) : IPreTokenizer
{
    public void Apply(Piece piece, List<Piece> output)
    {
        int at = 0, start = 0, count = 0;
        foreach (Rune rune in piece.Span.EnumerateRunes())
        {
            at += rune.Utf16SequenceLength;
            if (++count < length)
                continue;
            output.Add(piece.Slice(start, at));
            (start, count) = (at, 0);
        }

        if (at > start)
            output.Add(piece.Slice(start, at));
    }
}

/// <summary>Spells spaces as a visible character, with one before the text, and cuts before each.</summary>
/// <param name="replacement">What stands for a space, U+2581 as a rule.</param>
/// <param name="always">Whether every piece gets one before it.</param>
/// <param name="first">Whether only the piece that starts the text does.</param>
/// <param name="cuts">Whether words are cut apart.</param>
internal sealed class Metaspace(string replacement, bool always, bool first, bool cuts) : IPreTokenizer
{
    public void Apply(Piece piece, List<Piece> output)
    {
        string text = piece.Span.ToString().Replace(" ", replacement, StringComparison.Ordinal);
        if ((always || (first && piece.StartsText)) && !text.StartsWith(replacement, StringComparison.Ordinal))
            text = replacement + text;
        var whole = new Piece(text, 0, text.Length, piece.StartsText);
        if (!cuts)
        {
            output.Add(whole);
            return;
        }

        var matches = new List<(int, int)>();
        for (int at = text.IndexOf(replacement, StringComparison.Ordinal); at >= 0;
            at = text.IndexOf(replacement, at + replacement.Length, StringComparison.Ordinal))
            matches.Add((at, at + replacement.Length));
        Splitting.Cut(whole, matches, SplitBehavior.MergedWithNext, invert: false, output);
    }
}

/// <summary>Puts a space before each piece that starts without one.</summary>
internal sealed class PrefixSpace : IPreTokenizer
{
    public void Apply(Piece piece, List<Piece> output)
    {
        if (piece.Span[0] != ' ')
            piece = new Piece(string.Concat(" ", piece.Span), 0, piece.Length + 1, piece.StartsText);
        output.Add(piece);
    }
}

/// <summary>Spells each piece's UTF-8 bytes in GPT-2's alphabet.</summary>
internal sealed class SpellBytes : IPreTokenizer
{
    public void Apply(Piece piece, List<Piece> output)
    {
        string spelled = ByteLevelAlphabet.Spell(piece.Span);
        output.Add(new Piece(spelled, 0, spelled.Length, piece.StartsText));
    }
}
