using Microsoft.Extensions.AI;
using Quickstart.Exercises;
using Tuna.Evaluation.Vicuna;

namespace Quickstart;

/// <summary>The judge's win rate of a stage against the SFT policy, as the paper's table of Vicuna QA has it: both orders are asked, and a
/// response wins only if both say so.</summary>
/// <param name="judge">The judge that also ranks.</param>
/// <param name="exercises">The questions.</param>
/// <param name="baseline">The SFT policy's responses to them.</param>
internal sealed class AgainstSft(IChatClient judge, IReadOnlyList<Exercise> exercises, IReadOnlyList<string> baseline)
{
    /// <summary>Calls that one stage takes.</summary>
    public static int Calls(int exercises) => 2 * exercises;

    /// <summary>Wins, losses and ties of a stage's responses.</summary>
    public VicunaReport Judge(string stage, IReadOnlyList<string> responses, CancellationToken cancellationToken)
    {
        List<VicunaQuestion> questions = [.. exercises.Select(e => new VicunaQuestion(e.Id, e.Family, e.Instruction))];
        return new VicunaEvaluation(judge, new VerdictProtocol())
            .RunAsync(questions, Answers(stage, responses), Answers("SFT", baseline), cancellationToken: cancellationToken)
            .GetAwaiter().GetResult();
    }

    private VicunaAnswers Answers(string model, IReadOnlyList<string> responses) =>
        new(model, exercises.Zip(responses).ToDictionary(x => x.First.Id, x => x.Second, StringComparer.Ordinal));
}
