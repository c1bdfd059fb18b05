namespace Tuna.Tokenizers;

/// <summary>Which tokens of a text hold which of its characters, told from what the first tokens decode to.</summary>
internal sealed class TokenAlignment
{
    private readonly HuggingFaceTokenizer _tokenizer;
    private readonly string _text;
    private readonly int[] _ids;

    /// <exception cref="ArgumentException">The tokens do not spell the text, so that nothing can be said of its characters.</exception>
    public TokenAlignment(HuggingFaceTokenizer tokenizer, string text, int[] ids)
    {
        (_tokenizer, _text, _ids) = (tokenizer, text, ids);
        if (Decode(ids.Length) != text)
            throw new ArgumentException(
                "The tokenizer changes the text of the conversation, so the tokens of what the template marks cannot be told apart.",
                nameof(text));
    }

    /// <summary>The tokens that hold a character of each part of the text, in order; a token that holds characters of two parts is the
    /// first one's.</summary>
    public List<Range> TokensOf(IEnumerable<(int Start, int End)> parts)
    {
        var tokens = new List<Range>();
        int free = 0;
        foreach ((int start, int end) in parts)
        {
            if (start == end)
                continue;
            // With how many tokens the part's first character appears, at least in part; with how many the part is complete.
            int first = Math.Max(free, Least(free, t => Decode(t).Length > start) - 1);
            int after = Least(first, t => Decode(t).AsSpan().StartsWith(_text.AsSpan(0, end)));
            if (first < after)
                tokens.Add(first..after);
            free = Math.Max(free, after);
        }

        return tokens;
    }

    // The least number of tokens for which a condition holds that stays true from there on.
    private int Least(int low, Func<int, bool> holds)
    {
        int high = _ids.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (holds(middle))
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }

    private string Decode(int count) => _tokenizer.DecodeWithSpecialTokens(_ids.AsSpan(0, count));
}
