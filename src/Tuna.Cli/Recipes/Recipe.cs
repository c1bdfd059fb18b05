using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tuna.Cli.Recipes;

/// <summary>A named recipe: parameters, and stages with files in between. A small JSON file that a person can read and change.</summary>
/// <remarks>What has a default has a setter: the source-generated reader would overwrite an init-only property with null.</remarks>
internal sealed record Recipe
{
    public required string Name { get; init; }

    /// <summary>What it makes, in a sentence or two.</summary>
    public required string Description { get; init; }

    /// <summary>Where the paper describes it.</summary>
    public string? Paper { get; init; }

    /// <summary>Recipes whose stages come first, in the same work folder.</summary>
    public IReadOnlyList<string> Uses { get; set; } = [];

    /// <summary>Values that stages name as <c>{parameter}</c>.</summary>
    public IReadOnlyDictionary<string, RecipeParameter> Parameters { get; set; } = new Dictionary<string, RecipeParameter>();

    public required IReadOnlyList<RecipeStage> Stages { get; init; }
}

/// <summary>A value that a person may change with <c>--set NAME=VALUE</c>.</summary>
internal sealed record RecipeParameter
{
    /// <summary>Its value; null must be given on the command line.</summary>
    public JsonElement? Value { get; init; }

    /// <summary>What it means.</summary>
    public string About { get; set; } = "";
}

/// <summary>One stage: a command of this program and its options.</summary>
internal sealed record RecipeStage
{
    /// <summary>Unique among all recipes of a work folder.</summary>
    public required string Name { get; init; }

    /// <summary>The command, as on the command line.</summary>
    public required string Run { get; init; }

    /// <summary>Option names without dashes and their values; true gives the bare option, false and null leave it out, an array repeats
    /// it.</summary>
    public required IReadOnlyDictionary<string, JsonElement> With { get; init; }

    /// <summary>A sweep: the stage runs once per value, under the name <c>NAME@PARAMETER=VALUE</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<JsonElement>>? Each { get; init; }

    /// <summary>Whether rows that could not be done (exit code 3) are accepted.</summary>
    public bool AllowPartial { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Recipe))]
internal sealed partial class RecipeJson : JsonSerializerContext;
