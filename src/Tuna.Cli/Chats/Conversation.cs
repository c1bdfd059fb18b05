using System.Globalization;
using Tuna.Cli.Models;
using Tuna.Data.Prompts;
using Tuna.Policies;

namespace Tuna.Cli.Chats;

/// <summary>A conversation with a model, turn by turn.</summary>
internal sealed class Conversation(LoadedPolicy model, string? system)
{
    private readonly IChatFormat? _chat = model.Template as IChatFormat;
    private readonly List<ChatTurn> _turns = Begin(system);

    public required int MaxNewTokens { get; init; }

    public required double Temperature { get; init; }

    public required double TopP { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>Whether earlier turns are part of the prompt.</summary>
    public bool RemembersTurns => _chat is not null;

    /// <summary>Answers so far.</summary>
    public int Answers { get; private set; }

    /// <summary>Their tokens.</summary>
    public long Tokens { get; private set; }

    /// <summary>Forgets all turns but the system message.</summary>
    public void Clear() => _turns.RemoveAll(t => t.Role != "system");

    /// <summary>Asks, and hands over the answer's text as it is drawn.</summary>
    /// <exception cref="ArgumentException">The question has no form in the template, or does not fit; it is forgotten again.</exception>
    public string Ask(string question, Action<string> stream, CancellationToken cancellationToken)
    {
        ChatTurn[] turns = [.. _turns, new("user", question)];
        int[] prompt = _chat is null ? model.Groups.EncodePrompt(question) : _chat.EncodePrompt(turns);
        int room = model.Policy.Info.ContextLength - prompt.Length;
        if (room < 1)
        {
            throw new ArgumentException(string.Create(
                CultureInfo.InvariantCulture,
                    $"The conversation has {prompt.Length} tokens; the model's context has {model.Policy.Info.ContextLength}. /new begins "
                    + $"a new one."), nameof(question));
        }

        var text = new TextStream(model.Tokenizer, stream);
        IReadOnlyList<IReadOnlyList<SampledResponse>> answers = model.Policy.Sample(
            [
                new SamplingRequest
                {
                    Prompt = prompt,
                    MaxNewTokens = Math.Min(room, MaxNewTokens),
                    Temperature = Temperature,
                    TopP = TopP,
                    Seed = Tuna.Numerics.Rng.Derive(Seed, (ulong)Answers),
                    StopTokens = [model.Tokenizer.EosId],
                    Drawn = (_, token) => text.Add(token),
                },
            ],
            cancellationToken);
        string answer = text.End([.. answers[0][0].Tokens]);
        Answers++;
        Tokens += answers[0][0].Tokens.Count;
        if (_chat is not null)
            _turns.AddRange([turns[^1], new("assistant", answer)]);
        return answer;
    }

    private static List<ChatTurn> Begin(string? system) => string.IsNullOrEmpty(system) ? [] : [new("system", system)];
}
