using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.AI;
using Tuna.Data.Groups;
using Tuna.Data.Prompts;
using Tuna.Policies;
using Tuna.Tokenization;

namespace Tuna.Evaluators;

/// <summary>Asks a local model for the number of an answer in its conversation. Thread-safe: answers wait for one another.</summary>
internal sealed class LocalScores : IDisposable
{
    private readonly IResponseScorer _model;
    private readonly GroupTokenizer _tokens;
    private readonly IChatFormat? _chat;
    private readonly SemaphoreSlim _turn = new(1, 1);

    public LocalScores(IResponseScorer model, ITokenizer tokenizer, IPromptTemplate? template)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (tokenizer.VocabularySize > model.Info.VocabularySize)
            throw new ArgumentException(
                $"The tokenizer has {tokenizer.VocabularySize} ids but the model only {model.Info.VocabularySize}; they do not belong "
                + "together.", nameof(tokenizer));
        _model = model;
        _tokens = new GroupTokenizer(tokenizer, template);
        _chat = template as IChatFormat;
    }

    /// <summary>The model's number and the answer's length in tokens, the end token included; or what is wrong with the answer.</summary>
    public async Task<(double Value, int Length, string? Problem)> ScoreAsync(IEnumerable<ChatMessage> messages, ChatResponse response,
        CancellationToken cancellationToken)
    {
        if (!TryEncode([.. messages.Select(Turn)], response.Text, out int[] prompt, out int[] answer, out string? problem))
            return (double.NaN, 0, problem);
        if (prompt.Length + answer.Length > _model.Info.ContextLength)
            return (double.NaN, answer.Length,
                $"The conversation and its answer have {prompt.Length + answer.Length} tokens, but the model's context has "
                + $"{_model.Info.ContextLength}.");
        var group = new TokenGroup("answer", prompt, [answer], new double[1]);
        double[] values = new double[1];
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // The model computes for a while; the caller's thread is left free meanwhile.
            await Task.Run(() => _model.Score([group], values, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }

        return double.IsFinite(values[0])
            ? (values[0], answer.Length, null)
            : (double.NaN, answer.Length, $"The model gives the answer {values[0]}; its weights have diverged.");
    }

    public void Dispose() => _turn.Dispose();

    private bool TryEncode(ChatTurn[] turns, string text, out int[] prompt, out int[] answer, [NotNullWhen(false)] out string? problem)
    {
        (prompt, answer, problem) = ([], [], null);
        if (turns.Length == 0)
        {
            problem = "The conversation is empty; a model's number of an answer needs what was asked.";
        }
        else if (_chat is null && turns is not [{ Role: "user" }])
        {
            problem = $"The prompt template holds one question, and the conversation has the turns {string.Join(", ",
                turns.Select(turn => turn.Role))}: give the evaluator the model's chat format.";
        }
        else if (_chat is null)
        {
            if (_tokens.TryEncodePrompt(turns[0].Content, null, out prompt, out problem))
                answer = _tokens.EncodeResponse(text);
        }
        else
        {
            try
            {
                (prompt, answer) = (_chat.EncodePrompt(turns), _chat.EncodeResponse(turns, text));
            }
            catch (ArgumentException e)
            {
                problem = e.Message;
            }
        }

        return problem is null;
    }

    private static ChatTurn Turn(ChatMessage message) => new(message.Role.Value, message.Text);
}
