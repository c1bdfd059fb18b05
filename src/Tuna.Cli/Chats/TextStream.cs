using Tuna.Tokenization;

namespace Tuna.Cli.Chats;

/// <summary>Tokens as text, as far as it is certain: a character of several tokens appears when its last one is there.</summary>
internal sealed class TextStream(ITokenizer tokenizer, Action<string> write)
{
    private readonly List<int> _tokens = [];
    private string _written = "";

    public void Add(int token)
    {
        _tokens.Add(token);
        string text = tokenizer.Decode([.. _tokens]);
        int whole = text.AsSpan().TrimEnd('\uFFFD').Length;
        if (whole > 0 && char.IsHighSurrogate(text[whole - 1]))
            whole--;
        Write(text[..whole]);
    }

    /// <summary>Writes what is left and gives the whole text.</summary>
    public string End(int[] tokens)
    {
        string text = tokenizer.Decode(tokens);
        Write(text);
        return text;
    }

    private void Write(string text)
    {
        // A tokenizer may decode an earlier token differently when another follows; what is on the screen stays.
        if (text.Length <= _written.Length || !text.StartsWith(_written, StringComparison.Ordinal))
            return;
        write(text[_written.Length..]);
        _written = text;
    }
}
