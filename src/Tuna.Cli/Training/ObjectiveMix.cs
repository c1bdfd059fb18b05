using System.Globalization;
using Tuna.Cli.Hosting;
using Tuna.Losses;

namespace Tuna.Cli.Training;

/// <summary>What <c>--objective</c> names: one objective, or several with their weights (<c>dpo=1,mle=0.2</c>).</summary>
internal sealed class ObjectiveMix
{
    private ObjectiveMix(IReadOnlyList<(Objective Objective, double Weight)> terms) => Terms = terms;

    public IReadOnlyList<(Objective Objective, double Weight)> Terms { get; }

    /// <summary>The mixture in one form, however it was written.</summary>
    public string Name => Terms is [(var only, 1)]
        ? only.Name
        : string.Join(',', Terms.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Objective.Name}={t.Weight}")));

    /// <summary>Reads a mixture, or says what is wrong with it.</summary>
    public static ObjectiveMix? Parse(string text, out string? error)
    {
        var terms = new List<(Objective, double)>();
        foreach (string term in text.Split(','))
        {
            int equals = term.IndexOf('=', StringComparison.Ordinal);
            string name = (equals < 0 ? term : term[..equals]).Trim();
            if (Objectives.All.FirstOrDefault(o => o.Name == name) is not { } objective)
            {
                IReadOnlyList<string> names = [.. Objectives.All.Select(o => o.Name)];
                error = $"--objective {text}: there is no objective '{name}'.{Suggestion.For(name, names)} It is one of: "
                    + $"{string.Join(", ", names)}; or several with weights: dpo=1,mle=0.2.";
                return null;
            }

            double weight = 1;
            if (equals >= 0 && !(double.TryParse(term.AsSpan(equals + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out weight)
                && double.IsFinite(weight) && weight > 0))
            {
                error = $"--objective {text}: the weight of {name} is '{term[(equals + 1)..]}'; it must be a number above 0.";
                return null;
            }

            if (terms.Any(t => t.Item1 == objective))
            {
                error = $"--objective {text}: {name} is there twice; give it one weight.";
                return null;
            }

            terms.Add((objective, weight));
        }

        error = null;
        return new(terms);
    }

    /// <summary>The loss, each term with its own settings.</summary>
    public IRankingLoss Create(Func<Objective, ObjectiveSettings> settings)
    {
        (double Weight, IRankingLoss Loss)[] losses = [.. Terms.Select(t => (t.Weight, t.Objective.Create(settings(t.Objective))))];
        return losses is [(1, var only)] ? only : new MixedLoss(losses);
    }
}
