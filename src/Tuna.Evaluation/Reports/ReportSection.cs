namespace Tuna.Evaluation.Reports;

/// <summary>A part of a report about one run: how it went, what it was made with, what the model said before and after.</summary>
/// <param name="Title">The run's name.</param>
public sealed record ReportSection(string Title)
{
    /// <summary>Sentences below the title.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Figures by name: before (empty where there is none) and after.</summary>
    public IReadOnlyList<(string Name, string Before, string After)> Figures { get; init; } = [];

    /// <summary>Charts, as <see cref="Charts.SvgChart"/> draws them; on the web page only.</summary>
    public IReadOnlyList<string> Charts { get; init; } = [];

    /// <summary>Prompts with the answers before and after.</summary>
    public IReadOnlyList<(string Prompt, string Before, string After)> Samples { get; init; } = [];

    /// <summary>Lists of names and values, each under a heading; on the web page only.</summary>
    public IReadOnlyList<(string Heading, IReadOnlyList<(string Name, string Value)> Values)> Lists { get; init; } = [];
}
