using System.Text.RegularExpressions;

namespace Tuna.Evaluation.LMentry;

/// <summary>Scores predictions of one LMentry example. Thread-safe.</summary>
public sealed class LMentryScorer
{
    private readonly LMentryExample _example;
    private readonly ExampleScorer _scorer;

    internal LMentryScorer(LMentryExample example, ExampleScorer scorer)
    {
        _example = example;
        _scorer = scorer;
    }

    /// <summary>The official verdict on a prediction.</summary>
    /// <param name="prediction">What the model wrote; "" when it wrote nothing.</param>
    /// <param name="truncate">Judge only what precedes the first line break, then the first full stop: the official setting for models that
    /// never stop by themselves.</param>
    /// <exception cref="Tuna.Data.DataFormatException">A value of the metadata makes a pattern that is not valid, or takes seconds to
    /// match; the data's own values do neither.</exception>
    public LMentryVerdict Score(string prediction, bool truncate = false)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        return Compiling(_example, () => _scorer.Score(new LMentryPrediction(prediction, truncate)));
    }

    // Metadata goes into patterns unescaped, so a value can make one that does not parse.
    internal static T Compiling<T>(LMentryExample example, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (RegexParseException e)
        {
            throw example.Bad($"has a value that is no valid part of a pattern ({e.Message})");
        }
        catch (RegexMatchTimeoutException)
        {
            throw example.Bad("has a value that makes a pattern which takes too long to match the prediction");
        }
    }
}
