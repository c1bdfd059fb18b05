using System.Text;

namespace Tuna.Data.Prompts;

/// <summary>A prompt written as text with the placeholders <c>{instruction}</c> and <c>{input}</c>; <c>{{</c> and <c>}}</c> stand for
/// braces.</summary>
/// <remarks>The text is parsed once, and values are inserted in one pass: an instruction that itself contains <c>{input}</c> is left as it
/// is.</remarks>
public sealed class TextPromptTemplate : IPromptTemplate
{
    private readonly Piece[] _withInput;
    private readonly Piece[] _withoutInput;

    /// <summary>Creates a template from its two forms.</summary>
    /// <param name="withInput">Used when there is an input; names <c>{instruction}</c> and <c>{input}</c>.</param>
    /// <param name="withoutInput">Used when there is none; names <c>{instruction}</c> only.</param>
    /// <exception cref="ArgumentException">A placeholder is unknown, unclosed or missing.</exception>
    public TextPromptTemplate(string withInput, string withoutInput)
    {
        _withInput = Parse(withInput, nameof(withInput));
        _withoutInput = Parse(withoutInput, nameof(withoutInput));
        Require(_withInput, PieceKind.Instruction, nameof(withInput));
        Require(_withInput, PieceKind.Input, nameof(withInput));
        Require(_withoutInput, PieceKind.Instruction, nameof(withoutInput));
        if (Array.Exists(_withoutInput, p => p.Kind == PieceKind.Input))
            throw new ArgumentException("The form without input names {input}; remove it there.", nameof(withoutInput));
    }

    private enum PieceKind
    {
        Text,
        Instruction,
        Input,
    }

    /// <inheritdoc/>
    public string Format(string instruction, string? input = null)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        var text = new StringBuilder();
        foreach (Piece piece in string.IsNullOrEmpty(input) ? _withoutInput : _withInput)
        {
            text.Append(piece.Kind switch
            {
                PieceKind.Instruction => instruction,
                PieceKind.Input => input,
                _ => piece.Text,
            });
        }

        return text.ToString();
    }

    private static Piece[] Parse(string form, string name)
    {
        ArgumentNullException.ThrowIfNull(form, name);
        var pieces = new List<Piece>();
        var text = new StringBuilder();
        for (int i = 0; i < form.Length; i++)
        {
            char c = form[i];
            if (c is '{' or '}' && i + 1 < form.Length && form[i + 1] == c)
            {
                text.Append(c);
                i++;
            }
            else if (c == '{')
            {
                int end = form.IndexOf('}', i);
                string key = end < 0 ? form[i..] : form[i..(end + 1)];
                PieceKind kind = key switch
                {
                    "{instruction}" => PieceKind.Instruction,
                    "{input}" => PieceKind.Input,
                    _ => throw new ArgumentException(
                        $"Unknown placeholder '{key}' at character {i}; known are {{instruction}} and {{input}}, and a brace is written "
                        + $"twice.", name),
                };
                pieces.Add(new(PieceKind.Text, text.ToString()));
                pieces.Add(new(kind, ""));
                text.Clear();
                i = end;
            }
            else if (c == '}')
            {
                throw new ArgumentException($"A single }} at character {i}; a brace is written twice.", name);
            }
            else
            {
                text.Append(c);
            }
        }

        pieces.Add(new(PieceKind.Text, text.ToString()));
        return [.. pieces];
    }

    private static void Require(Piece[] pieces, PieceKind kind, string name)
    {
        if (!Array.Exists(pieces, p => p.Kind == kind))
            throw new ArgumentException($"The form does not name {{{kind.ToString().ToLowerInvariant()}}}.", name);
    }

    private readonly record struct Piece(PieceKind Kind, string Text);
}
