using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Quickstart.Exercises;
using Tuna.Text;

namespace Quickstart;

/// <summary>
/// Stands in for the strong LLM when there is no API key: receives the real prompt as text, finds the instruction and the responses in it,
/// marks them with a key of answers, and replies in the format that the prompt asks for: a ranking, or a verdict on two answers.
/// </summary>
internal sealed partial class OfflineJudge(IEnumerable<Exercise> key) : IChatClient
{
    private readonly Dictionary<string, Exercise> _key = key.ToDictionary(e => e.Instruction, StringComparer.Ordinal);

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string prompt = messages.First(m => m.Role == ChatRole.User).Text, reply = PairPattern().Match(prompt) is { Success: true } pair
            ? Compare(pair) : Judge(prompt);
        return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, reply))
        {
            FinishReason = ChatFinishReason.Stop,
            Usage = new UsageDetails { InputTokenCount = prompt.Length / 4, OutputTokenCount = reply.Length / 4 },
        });
    }

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ChatResponse response = await GetResponseAsync(messages, options, cancellationToken);
        foreach (ChatResponseUpdate update in response.ToChatResponseUpdates())
            yield return update;
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose()
    {
    }

    // A verdict on the answers A and B, in the words of FastChat's prompt.
    private string Compare(Match pair)
    {
        if (!_key.TryGetValue(pair.Groups[1].Value, out Exercise? exercise))
            return Unknown(pair.Groups[1].Value);
        int a = Sum(Mark(exercise, pair.Groups[2].Value)), b = Sum(Mark(exercise, pair.Groups[3].Value));
        return $"A has {a} points, B has {b}.\n\n[[{(a > b ? 'A' : a < b ? 'B' : 'C')}]]";
    }

    private string Judge(string prompt)
    {
        string instruction = InstructionPattern().Match(prompt).Groups[1].Value;
        if (!_key.TryGetValue(instruction, out Exercise? exercise))
            return Unknown(instruction);
        List<string> responses = [.. ResponsePattern().Matches(prompt).Select(m => m.Groups[1].Value)];
        int n = responses.Count;

        var reply = new StringBuilder("The instruction requires a close-ended response.\n\n");
        reply.Append(CultureInfo.InvariantCulture, $"###Response {n}:\n{exercise.Reference}\n\n");
        responses.Add(exercise.Reference);
        var kept = new List<(int Index, int Score)>();
        for (int k = 0; k <= n; k++)
        {
            int same = k < n ? responses.IndexOf(responses[k]) : k; // the judge's own answer is never a duplicate
            if (same < k)
            {
                reply.Append(CultureInfo.InvariantCulture, $"Response {k} is a duplicate of Response {same}.\n");
                continue;
            }

            int points = Sum(Mark(exercise, responses[k]));
            reply.Append(CultureInfo.InvariantCulture, $"Response {k}: [{points}]\n");
            kept.Add((k, points));
        }

        // Of equal scores the lower number is named first; OrderByDescending is stable.
        reply.Append(CultureInfo.InvariantCulture,
            $"\nrank: [{string.Join(", ", kept.OrderByDescending(r => r.Score).Select(r => r.Index))}]");
        return reply.ToString();
    }

    private static string Unknown(string instruction) => $"I do not know the instruction '{instruction}'.";

    private static int Sum((int Accuracy, int Details, int Clarity) mark) => mark.Accuracy + mark.Details + mark.Clarity;

    // Accuracy by the answer; details by how much of the reference is said (recall), clarity by how little else is (precision).
    private static (int Accuracy, int Details, int Clarity) Mark(Exercise exercise, string response)
    {
        RougeScore rouge = RougeL.Plain.Score(exercise.Reference, response);
        return (exercise.IsCorrect(response) ? 5 : 0, (int)Math.Round(5 * rouge.Recall), (int)Math.Round(5 * rouge.Precision));
    }

    [GeneratedRegex(
        @"^\[User Question\]\n(.*)\n\n\[The Start of Assistant A's Answer\]\n(.*)\n\[The End of Assistant A's Answer\]\n\n"
        + @"\[The Start of Assistant B's Answer\]\n(.*)\n\[The End of", RegexOptions.Singleline)]
    private static partial Regex PairPattern();

    [GeneratedRegex(@"### Instruction:\n(.*?)\n\n### Response:", RegexOptions.Singleline)]
    private static partial Regex InstructionPattern();

    [GeneratedRegex(@"###Response \d+:\n(.*?)\n(?=\n###Response \d+:|\n\nWe would like)", RegexOptions.Singleline)]
    private static partial Regex ResponsePattern();
}
