using Tuna.Data.Prompts;

namespace Tuna.Tokenizers;

/// <summary>The form of conversations that a model's own chat template and tokenizer give.</summary>
/// <remarks>
/// Ids equal those of Transformers' <c>apply_chat_template</c>. Texts of the conversation that hold a special token are refused, since they
/// could forge a turn. An answer ends with the token with which the template ends the assistant's turn, <see cref="StopToken"/>; what the
/// template writes after that token (usually a newline) is not part of it. Immutable and thread-safe.
/// </remarks>
public sealed class ModelChatFormat : IChatFormat
{
    private readonly HuggingFaceTokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly ChatTemplateOptions _prompt;
    private readonly ChatTemplateOptions _whole;
    private readonly string[] _special;
    private readonly bool _marks;

    /// <summary>Creates a format.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">The model's template.</param>
    /// <param name="options">What else the template is given; whether a prompt is added is decided here.</param>
    /// <exception cref="ChatTemplateException">The template cannot render a question and its answer.</exception>
    public ModelChatFormat(HuggingFaceTokenizer tokenizer, ChatTemplate template, ChatTemplateOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(template);
        _tokenizer = tokenizer;
        _template = template;
        _prompt = (options ?? new()) with { AddGenerationPrompt = true };
        _whole = _prompt with { AddGenerationPrompt = false };
        _special = [.. tokenizer.AddedTokens.Values.Where(t => t.Special && t.Content.Length > 0).Select(t => t.Content)];
        (StopToken, _marks) = TryOut();
    }

    /// <summary>The id that ends the assistant's turn; the tokenizer's end token where the template ends turns with text.</summary>
    public int StopToken { get; }

    /// <summary>The token of <see cref="StopToken"/> as the vocabulary spells it.</summary>
    public string StopText => _tokenizer.TokenOf(StopToken)!;

    /// <inheritdoc/>
    public string Format(string instruction, string? input = null)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return Prompt(Tuna.Data.Conversations.Question(instruction, input));
    }

    /// <inheritdoc/>
    public int[] EncodePrompt(IReadOnlyList<ChatTurn> turns) => _tokenizer.EncodeWithSpecialTokens(Prompt(turns));

    /// <inheritdoc/>
    public int[] EncodeResponse(IReadOnlyList<ChatTurn> turns, string response)
    {
        ArgumentNullException.ThrowIfNull(response);
        string prompt = Prompt(turns);
        ChatTurn[] all = [.. turns, new("assistant", response)];
        Refuse(all);
        string whole = _template.Render(all, _whole);
        // A template that begins an answer in another way than it writes one down: the model continues the prompt, so the answer follows it
        // as it is.
        if (!whole.StartsWith(prompt, StringComparison.Ordinal))
            return [.. _tokenizer.Encode(response), StopToken];
        int[] ids = _tokenizer.EncodeWithSpecialTokens(whole), before = _tokenizer.EncodeWithSpecialTokens(prompt);
        int[] answer = ids.AsSpan().StartsWith(before) ? ids[before.Length..] : _tokenizer.EncodeWithSpecialTokens(whole[prompt.Length..]);
        int stop = Array.LastIndexOf(answer, StopToken);
        return stop >= 0 ? answer[..(stop + 1)] : [.. answer, StopToken];
    }

    /// <summary>The ids of a whole conversation and those that the assistant writes, where the template marks them
    /// (<c>{% generation %}</c>).</summary>
    /// <remarks>
    /// The marked ids are those of Transformers' <c>return_assistant_tokens_mask</c>: every token that holds a character of a mark. In two
    /// cases Transformers' mask is damaged and this one is not: it masks only the first token of a last character that takes several, and
    /// nothing, or all that follows, where a mark begins or ends with a space that the tokenizer's offsets leave out.
    /// </remarks>
    /// <returns>Null where the template marks nothing.</returns>
    /// <inheritdoc cref="IChatFormat.EncodeMarked" path="/exception"/>
    public MarkedConversation? EncodeMarked(IReadOnlyList<ChatTurn> turns)
    {
        ArgumentNullException.ThrowIfNull(turns);
        if (!_marks)
            return null;
        Refuse(turns);
        (string text, IReadOnlyList<(int Start, int End)> marks) = _template.RenderMarked(turns, _whole);
        int[] ids = _tokenizer.EncodeWithSpecialTokens(text);
        return new MarkedConversation(ids, new TokenAlignment(_tokenizer, text, ids).TokensOf(marks));
    }

    private string Prompt(IReadOnlyList<ChatTurn> turns)
    {
        ArgumentNullException.ThrowIfNull(turns);
        Refuse(turns);
        return _template.Render(turns, _prompt);
    }

    private void Refuse(IEnumerable<ChatTurn> turns)
    {
        foreach ((string role, string content) in turns)
        {
            string? token = Array.Find(_special, t => content.Contains(t, StringComparison.Ordinal)
                || role.Contains(t, StringComparison.Ordinal));
            if (token is not null)
                throw new ArgumentException(
                    $"A turn of the {role} holds '{token}', which is a special token of the model and could forge a turn; take it out.",
                    nameof(turns));
        }
    }

    // The first special token after an answer that cannot be missed, and whether the template marks what the assistant says.
    private (int Stop, bool Marks) TryOut()
    {
        const string answer = "Seventeen.";
        (string text, IReadOnlyList<(int Start, int End)> marks) =
            _template.RenderMarked([new("user", "How many?"), new("assistant", answer)], _whole);
        int at = text.LastIndexOf(answer, StringComparison.Ordinal);
        int[] after = at < 0 ? [] : _tokenizer.EncodeWithSpecialTokens(text[(at + answer.Length)..]);
        int stop = Array.FindIndex(after, id => _tokenizer.AddedTokens.TryGetValue(id, out AddedToken? token) && token.Special);
        return (stop < 0 ? _tokenizer.EosId : after[stop], marks.Count > 0);
    }
}
