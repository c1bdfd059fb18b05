using System.Text;
using System.Text.Json;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Recipes;

/// <summary>A stage with all values filled in.</summary>
/// <param name="Name">The stage's name, with the values of its sweep.</param>
/// <param name="Command">The command's words.</param>
/// <param name="Options">Option and value, in order; a null value is a bare option.</param>
/// <param name="AllowPartial">Whether exit code 3 is accepted.</param>
internal sealed record PlannedStage(string Name, IReadOnlyList<string> Command, IReadOnlyList<(string Option, string? Value)> Options,
    bool AllowPartial)
{
    /// <summary>Arguments that change nothing of the output, such as a service's address: another value does not make the stage run
    /// again.</summary>
    public IReadOnlyList<string> Course { get; init; } = [];

    /// <summary>Whether it asks a service, so that a common budget is shared with it.</summary>
    public bool IsPaid { get; init; }

    /// <summary>Where the stage's output goes.</summary>
    public string Output => Options.FirstOrDefault(o => o.Option == "--out").Value
        ?? throw new StageException($"Stage '{Name}' has no 'out': every stage of a recipe writes one file or folder.");

    public IReadOnlyList<string> Arguments =>
        [.. Command, .. Options.SelectMany(o => o.Value is null ? (string[])[o.Option] : [o.Option, o.Value])];

    /// <summary>As a person would type it.</summary>
    public override string ToString() => "tuna " + string.Join(' ', Arguments.Concat(Course).Select(Quote));

    private static string Quote(string word) => word.Length > 0 && word.All(c => char.IsLetterOrDigit(c) || "-_./:=,@+".Contains(c))
        ? word : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}

/// <summary>Fills in parameters, unrolls sweeps and puts the recipes that a recipe uses in front.</summary>
internal sealed class RecipePlan
{
    private readonly Dictionary<string, string?> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _about = new(StringComparer.Ordinal);
    private readonly List<Recipe> _recipes = [];

    /// <param name="name">A recipe's name or file.</param>
    /// <param name="work">The folder for all files in between.</param>
    /// <param name="settings">What the person set, by parameter.</param>
    public RecipePlan(string name, string work, IReadOnlyDictionary<string, string> settings)
    {
        (Recipe recipe, string file) = RecipeBook.Find(name);
        Recipe = recipe;
        Collect(recipe, file, []);
        foreach ((string key, string value) in settings)
        {
            if (!_values.ContainsKey(key))
                throw new StageException(
                    $"Recipe '{recipe.Name}' has no parameter '{key}'.{Suggestion.For(key, _values.Keys)} It has: "
                    + $"{string.Join(", ", _values.Keys.Order(StringComparer.Ordinal))}.");
            _values[key] = value;
        }

        _values["work"] = work;
    }

    public Recipe Recipe { get; }

    /// <summary>Every parameter, its value (null when it must still be given) and its meaning.</summary>
    public IEnumerable<(string Name, string? Value, string About)> Parameters =>
        _values.Where(p => p.Key != "work").Select(p => (p.Key, p.Value, _about.GetValueOrDefault(p.Key, "")));

    /// <summary>The stages, in order.</summary>
    /// <param name="leaveOpen">Whether a parameter without a value stands as <c>{name}</c>, for showing; otherwise it is an error.</param>
    public IReadOnlyList<PlannedStage> Stages(bool leaveOpen = false)
    {
        var stages = new List<PlannedStage>();
        foreach (RecipeStage stage in _recipes.SelectMany(r => r.Stages))
        {
            foreach (Dictionary<string, string> choice in Choices(stage))
            {
                string suffix = string.Concat(choice.Select(c => $"@{c.Key}={c.Value}"));
                var options = new List<(string, string?)>();
                foreach ((string option, JsonElement value) in stage.With)
                    options.AddRange(Option(stage.Name, option, value, choice, leaveOpen));
                stages.Add(new(stage.Name + suffix, stage.Run.Split(' ', StringSplitOptions.RemoveEmptyEntries), options,
                    stage.AllowPartial));
            }
        }

        if (stages.GroupBy(s => s.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new StageException($"Two stages are named '{twice.Key}'; names of stages are unique in a recipe and those it uses.");
        return stages;
    }

    // A recipe's own values win over those of the recipes that it uses: these come later into a table where the first entry counts.
    private void Collect(Recipe recipe, string file, HashSet<string> open)
    {
        if (!open.Add(recipe.Name))
            throw new StageException($"{file}: recipe '{recipe.Name}' uses itself.");
        foreach ((string name, RecipeParameter parameter) in recipe.Parameters)
        {
            if (!_values.TryGetValue(name, out string? value) || value is null)
                _values[name] = parameter.Value is { ValueKind: not JsonValueKind.Null } given ? Text(given) : null;
            _about.TryAdd(name, parameter.About);
        }

        foreach (string used in recipe.Uses)
        {
            (Recipe inner, string innerFile) = RecipeBook.Find(used, Path.GetDirectoryName(file));
            if (!_recipes.Exists(r => r.Name == inner.Name))
                Collect(inner, innerFile, open);
        }

        open.Remove(recipe.Name);
        _recipes.Add(recipe);
    }

    private static IEnumerable<Dictionary<string, string>> Choices(RecipeStage stage)
    {
        IEnumerable<Dictionary<string, string>> choices = [new(StringComparer.Ordinal)];
        foreach ((string name, IReadOnlyList<JsonElement> values) in stage.Each ?? new Dictionary<string, IReadOnlyList<JsonElement>>())
            choices = [.. choices.SelectMany(c =>
                values.Select(v => new Dictionary<string, string>(c, StringComparer.Ordinal) { [name] = Text(v) }))];
        return choices;
    }

    private IEnumerable<(string, string?)> Option(string stage, string option, JsonElement value, Dictionary<string, string> choice,
        bool leaveOpen)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Null or JsonValueKind.False:
                return [];
            case JsonValueKind.True:
                return [("--" + option, null)];
            case JsonValueKind.Array:
                return value.EnumerateArray().SelectMany(v => Option(stage, option, v, choice, leaveOpen));
            case JsonValueKind.String or JsonValueKind.Number:
                // An option whose value comes out empty is left out: an optional parameter that was not given.
                string text = Fill(stage, Text(value), choice, leaveOpen);
                return text.Length == 0 ? [] : [("--" + option, text)];
            default:
                throw new StageException(
                    $"Stage '{stage}': option '{option}' is {value.ValueKind}; it is a string, a number, true, false, null or an array of "
                    + $"them.");
        }
    }

    private string Fill(string stage, string text, Dictionary<string, string> choice, bool leaveOpen)
    {
        var filled = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            int end = text[i] == '{' ? text.IndexOf('}', i) : -1;
            if (end < 0)
            {
                filled.Append(text[i]);
                continue;
            }

            string name = text[(i + 1)..end];
            if (choice.TryGetValue(name, out string? chosen))
                filled.Append(chosen);
            else if (!_values.TryGetValue(name, out string? value))
                throw new StageException($"Stage '{stage}' names {{{name}}}, which is no parameter of the recipe.");
            else if (value is not null || leaveOpen)
                filled.Append(value is null ? text.AsSpan(i, end + 1 - i) : Fill(stage, value, choice, leaveOpen));
            else
                throw new StageException(
                    $"The recipe needs {name}: {_about.GetValueOrDefault(name, "no description")} Give it with --set {name}=VALUE.");
            i = end;
        }

        return filled.ToString();
    }

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
}
