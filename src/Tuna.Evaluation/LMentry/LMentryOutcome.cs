using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry;

/// <summary>What became of one example.</summary>
/// <param name="Template">The input template it was made from, from 0.</param>
/// <param name="Verdict">The verdict on the prediction, or null when there is none.</param>
/// <param name="AnswerIndex">Which of the two words the answer is, 0 or 1, in tasks where the order of the words is tested.</param>
public readonly record struct LMentryOutcome(int Template, LMentryVerdict? Verdict, int? AnswerIndex = null);

/// <summary>Counts over examples, with the shares that the official tables show.</summary>
/// <param name="Correct">Correct predictions.</param>
/// <param name="Incorrect">Incorrect ones; missing ones are in neither count.</param>
/// <param name="CertainCorrect">Correct predictions that were understood as a whole.</param>
/// <param name="CertainIncorrect">Incorrect ones that were.</param>
/// <param name="Examples">The number of examples the task's settings promise, by which accuracy divides: a missing prediction is a wrong
/// one.</param>
/// <param name="Digits">Decimals of the shares: 1 for a template, 2 for a task. This rounding is part of the benchmark's
/// definition.</param>
public sealed record LMentryCounts(int Correct, int Incorrect, int CertainCorrect, int CertainIncorrect, int Examples, int Digits)
{
    /// <summary>Predictions that were understood as a whole.</summary>
    public int Certain => CertainCorrect + CertainIncorrect;

    /// <summary>Accuracy in percent, rounded.</summary>
    public double Accuracy => Percent(Correct, Examples);

    /// <summary>Share of predictions understood, in percent of the examples, rounded.</summary>
    public double Certainty => Percent(Certain, Examples);

    /// <summary>Share of the correct predictions that were understood, in percent, rounded; 0 when none is correct.</summary>
    public double CertaintyOfCorrect => Percent(CertainCorrect, Correct);

    /// <summary>Share of the incorrect predictions that were understood, in percent, rounded; 0 when none is incorrect.</summary>
    public double CertaintyOfIncorrect => Percent(CertainIncorrect, Incorrect);

    internal static LMentryCounts Of(IEnumerable<LMentryOutcome> outcomes, int examples, int digits)
    {
        int[] counts = new int[4];
        foreach (LMentryOutcome outcome in outcomes)
        {
            if (outcome.Verdict is { } verdict)
                counts[(verdict.Correct ? 0 : 1) + (verdict.Certain ? 2 : 0)]++;
        }

        return new LMentryCounts(counts[0] + counts[2], counts[1] + counts[3], counts[2], counts[3], examples, digits);
    }

    private double Percent(int part, int whole) => whole == 0 ? 0 : PythonRounding.Round((double)part / whole * 100, Digits);
}

/// <summary>Predictions by the place of the right word among the two.</summary>
/// <param name="Total">Predictions with the answer in place 0 and 1.</param>
/// <param name="Correct">Correct ones of these.</param>
/// <param name="Digits">Decimals of the accuracies.</param>
public sealed record LMentryAnswerOrder((int First, int Second) Total, (int First, int Second) Correct, int Digits)
{
    /// <summary>Accuracy with the answer first, in percent of the predictions present, rounded.</summary>
    public double AccuracyWhenFirst => Percent(Correct.First, Total.First);

    /// <summary>Accuracy with the answer second, in percent of the predictions present, rounded.</summary>
    public double AccuracyWhenSecond => Percent(Correct.Second, Total.Second);

    internal static LMentryAnswerOrder? Of(IReadOnlyCollection<LMentryOutcome> outcomes, int digits)
    {
        if (outcomes.Any(outcome => outcome.AnswerIndex is not (0 or 1)))
            return null;
        return new LMentryAnswerOrder((Count(0, false), Count(1, false)), (Count(0, true), Count(1, true)), digits);

        int Count(int index, bool correct) =>
            outcomes.Count(o => o.AnswerIndex == index && o.Verdict is { } verdict && (!correct || verdict.Correct));
    }

    private double Percent(int part, int whole) => part == 0 ? 0 : PythonRounding.Round((double)part / whole * 100, Digits);
}
