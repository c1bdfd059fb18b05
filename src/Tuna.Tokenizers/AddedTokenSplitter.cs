using System.Buffers;
using System.Text;
using Tuna.Tokenizers.Unicode;

namespace Tuna.Tokenizers;

/// <summary>
/// Finds added tokens in a text as Hugging Face tokenizers do: leftmost first, the longest of those that start at the same place.
/// </summary>
internal sealed class AddedTokenSplitter
{
    private readonly Dictionary<(int Node, char Unit), int> _next = [];
    private readonly List<AddedToken?> _tokens = [null]; // by node of the trie; 0 is the root
    private readonly SearchValues<char> _starts;

    /// <param name="tokens">The tokens, each with the spelling to look for. Of two with the same spelling the first counts.</param>
    public AddedTokenSplitter(IEnumerable<(AddedToken Token, string Spelling)> tokens)
    {
        var starts = new HashSet<char>();
        foreach ((AddedToken token, string spelling) in tokens)
        {
            if (spelling.Length == 0)
                continue;
            starts.Add(spelling[0]);
            int node = 0;
            foreach (char unit in spelling)
            {
                if (!_next.TryGetValue((node, unit), out int next))
                {
                    next = _tokens.Count;
                    _tokens.Add(null);
                    _next.Add((node, unit), next);
                }

                node = next;
            }

            _tokens[node] ??= token;
        }

        _starts = SearchValues.Create([.. starts]);
        IsEmpty = starts.Count == 0;
    }

    public bool IsEmpty { get; }

    /// <summary>
    /// Calls <paramref name="onText"/> for each stretch of ordinary text and adds the ids of the added tokens between them.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="special">Whether special tokens are recognised; otherwise they hold their place as text.</param>
    /// <param name="ids">Receives the ids of the added tokens.</param>
    /// <param name="onText">Receives a non-empty stretch and whether it starts the text.</param>
    public void Split(string text, bool special, List<int> ids, Action<string, bool> onText)
    {
        int done = 0; // up to here the text has been given out
        for (int at = 0; TryFind(text, at, out int start, out AddedToken? token, out int end); at = end)
        {
            if ((token.Special && !special)
                || (token.SingleWord && (EndsInWord(text.AsSpan(0, start)) || StartsWithWord(text.AsSpan(end)))))
                continue;
            int from = start, to = end;
            while (token.StripLeft && from > done && char.IsWhiteSpace(text[from - 1]))
                from--;
            while (token.StripRight && to < text.Length && char.IsWhiteSpace(text[to]))
                to++;
            if (from > done)
                onText(text[done..from], done == 0);
            ids.Add(token.Id);
            done = to;
        }

        if (done < text.Length)
            onText(text[done..], done == 0);
    }

    private bool TryFind(string text, int at, out int start, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out AddedToken? token,
        out int end)
    {
        token = null;
        for (start = at, end = at; ; start++)
        {
            int skip = text.AsSpan(start).IndexOfAny(_starts);
            if (skip < 0)
                return false;
            start += skip;
            int node = 0;
            for (int i = start; i < text.Length && _next.TryGetValue((node, text[i]), out node); i++)
            {
                if (_tokens[node] is { } found)
                    (token, end) = (found, i + 1);
            }

            if (token is not null)
                return true;
        }
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterClass.IsWord(rune);

    private static bool StartsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterClass.IsWord(rune);
}
