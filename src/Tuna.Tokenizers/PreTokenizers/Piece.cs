namespace Tuna.Tokenizers.PreTokenizers;

/// <summary>A stretch of a text on its way to the model.</summary>
/// <param name="Text">The text it lies in.</param>
/// <param name="Start">First UTF-16 unit.</param>
/// <param name="Length">UTF-16 units, >= 1.</param>
/// <param name="StartsText">Whether its first character is the first of the whole input.</param>
internal readonly record struct Piece(string Text, int Start, int Length, bool StartsText)
{
    public ReadOnlySpan<char> Span => Text.AsSpan(Start, Length);

    /// <summary>A part of it.</summary>
    public Piece Slice(int from, int to) => new(Text, Start + from, to - from, StartsText && from == 0);
}

/// <summary>A step that cuts pieces up or respells them: a <c>pre_tokenizer</c> of tokenizer.json. Immutable and thread-safe.</summary>
internal interface IPreTokenizer
{
    /// <summary>Adds what a piece becomes.</summary>
    void Apply(Piece piece, List<Piece> output);
}
