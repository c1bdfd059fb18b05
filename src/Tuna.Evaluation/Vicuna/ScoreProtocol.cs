namespace Tuna.Evaluation.Vicuna;

/// <summary>The protocol of 2023 (FastChat's fastchat/eval): one call, two scores from 1 to 10 on the reply's first line; the higher one
/// wins.</summary>
/// <remarks>The prompts are FastChat's (Apache-2.0). There is no official count of wins; the outcome compares the two scores. The order of
/// the answers is not balanced, which favours the first.</remarks>
/// <param name="lenient">Reads replies with <see cref="ScorePair.ParseLeniently"/>.</param>
public sealed class ScoreProtocol(bool lenient = false) : VicunaProtocol(lenient)
{
    private const string System = "You are a helpful and precise assistant for checking the quality of the answer.";

    private const string General =
        "We would like to request your feedback on the performance of two AI assistants in response to the user question displayed above.\n"
        + "Please rate the helpfulness, relevance, accuracy, level of details of their responses. "
        + "Each assistant receives an overall score on a scale of 1 to 10, where a higher score indicates better overall performance.\n"
        + "Please first output a single line containing only two values indicating the scores for Assistant 1 and 2, respectively. The "
            + "two scores are separated by a space. "
        + "In the subsequent line, please provide a comprehensive explanation of your evaluation, avoiding any potential bias and "
            + "ensuring that the order in which the responses were presented does not affect your judgment.";

    private const string Coding =
        "Your task is to evaluate the coding abilities of the above two assistants. They have been asked to implement a program to solve "
            + "a given problem. "
        + "Please review their code submissions, paying close attention to their problem-solving approach, code structure, readability, "
            + "and the inclusion of helpful comments.\n\n"
        + "Please ensure that the assistants' submissions:\n\n"
        + "1. Correctly implement the given problem statement.\n2. Contain accurate and efficient code.\n3. Include clear and concise "
            + "comments that explain the code's logic and functionality.\n"
        + "4. Adhere to proper coding standards and best practices.\n\n"
        + "Once you have carefully reviewed both submissions, provide detailed feedback on their strengths and weaknesses, along with any "
            + "suggestions for improvement. "
        + "You should first output a single line containing two scores on the scale of 1-10 (1: no code/no sense; 10: perfect) for "
            + "Assistant 1 and 2, respectively. Then give extra comments starting from the next line.";

    private const string Math =
        "We would like to request your feedback on the mathematical proficiency of two AI assistants regarding the given user question "
            + "displayed above.\n"
        + "First, please solve the problem independently, without referring to the answers provided by Assistant 1 and Assistant 2.\n"
        + "Afterward, please examine the problem-solving process of Assistant 1 and Assistant 2 step-by-step to ensure their correctness, "
            + "identifying any incorrect steps if present. "
        + "Your evaluation should take into account not only the answer but also the problem-solving steps.\n"
        + "Finally, please output a Python tuple containing two numerical scores for Assistant 1 and Assistant 2, ranging from 1 to 10, "
            + "respectively. "
        + "If applicable, explain the reasons for any variations in their scores and determine which assistant performed better.";

    private protected override string Form => "two scores (2023)";

    internal override float Temperature => 0.2f;

    internal override int MaxOutputTokens => 1024;

    /// <inheritdoc/>
    public override bool NeedsReference(string category) => false;

    internal override IReadOnlyList<VicunaCall> Calls(VicunaMatch match)
    {
        (string version, string request) = match.Question.Category switch
        {
            "coding" => ("vicuna-2023-coding", Coding),
            "math" => ("vicuna-2023-math", Math),
            _ => ("vicuna-2023-general", General),
        };
        string user = $"[Question]\n{match.Question.Text}\n\n"
            + $"[The Start of Assistant 1's Answer]\n{match.Answer1}\n\n[The End of Assistant 1's Answer]\n\n"
            + $"[The Start of Assistant 2's Answer]\n{match.Answer2}\n\n[The End of Assistant 2's Answer]\n\n"
            + $"[System]\n{request}\n\n";
        return [VicunaCall.Of(System, user, version)];
    }

    internal override VicunaJudgment Judge(VicunaMatch match, IReadOnlyList<string> replies)
    {
        ScorePair scores = Lenient ? ScorePair.ParseLeniently(replies[0]) : ScorePair.Parse(replies[0]);
        MatchOutcome outcome = !scores.Understood || double.IsNaN(scores.First) || double.IsNaN(scores.Second) ? MatchOutcome.Error
            : scores.First > scores.Second ? MatchOutcome.Win
            : scores.First < scores.Second ? MatchOutcome.Loss
            : MatchOutcome.Tie;
        return new VicunaJudgment(match.Question.Id, match.Question.Category, match.Model1, match.Model2, outcome, [outcome], scores);
    }
}
