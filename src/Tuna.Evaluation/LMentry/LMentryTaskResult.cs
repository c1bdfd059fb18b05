namespace Tuna.Evaluation.LMentry;

/// <summary>One task's result.</summary>
public sealed class LMentryTaskResult
{
    private LMentryTaskResult(string task, LMentryCounts overall, IReadOnlyList<LMentryCounts> templates, LMentryAnswerOrder? order,
        IReadOnlyList<LMentryAnswerOrder?> templateOrders)
    {
        Task = task;
        Overall = overall;
        Templates = templates;
        AnswerOrder = order;
        TemplateAnswerOrders = templateOrders;
    }

    /// <summary>The task's name.</summary>
    public string Task { get; }

    /// <summary>Over all templates; shares have 2 decimals.</summary>
    public LMentryCounts Overall { get; }

    /// <summary>Per input template; shares have 1 decimal.</summary>
    public IReadOnlyList<LMentryCounts> Templates { get; }

    /// <summary>By the place of the answer over all templates; null in tasks that have no such thing.</summary>
    public LMentryAnswerOrder? AnswerOrder { get; }

    /// <summary>By the place of the answer, per input template.</summary>
    public IReadOnlyList<LMentryAnswerOrder?> TemplateAnswerOrders { get; }

    /// <summary>Counts outcomes.</summary>
    /// <param name="task">The task's name.</param>
    /// <param name="examplesPerTemplate">The task's setting, by which accuracies divide.</param>
    /// <param name="templates">Number of input templates.</param>
    /// <param name="outcomes">One per example.</param>
    /// <exception cref="ArgumentException">An outcome's template is outside [0, <paramref name="templates"/>).</exception>
    public static LMentryTaskResult Of(string task, int examplesPerTemplate, int templates, IReadOnlyCollection<LMentryOutcome> outcomes)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(outcomes);
        ArgumentOutOfRangeException.ThrowIfLessThan(examplesPerTemplate, 1);
        if (outcomes.Any(outcome => (uint)outcome.Template >= (uint)templates))
            throw new ArgumentException($"Task '{task}' has {templates} templates; an outcome names another.", nameof(outcomes));
        List<LMentryOutcome>[] byTemplate =
            [.. Enumerable.Range(0, templates).Select(t => outcomes.Where(outcome => outcome.Template == t).ToList())];
        return new LMentryTaskResult(
            task,
            LMentryCounts.Of(outcomes, examplesPerTemplate * templates, digits: 2),
            [.. byTemplate.Select(of => LMentryCounts.Of(of, examplesPerTemplate, digits: 1))],
            LMentryAnswerOrder.Of(outcomes, digits: 2),
            [.. byTemplate.Select(of => LMentryAnswerOrder.Of(of, digits: 1))]);
    }
}
