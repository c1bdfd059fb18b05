using System.Text.Json;
using Tuna.IO;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Recipes;

/// <summary>Finds recipes: those that come with the program, by name, and a person's own, by file.</summary>
internal static class RecipeBook
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "recipes");

    public static IReadOnlyList<Recipe> All() => [.. Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal).Select(Read)];

    /// <param name="name">A name such as <c>tuna-p</c>, or a path that ends in <c>.json</c>.</param>
    /// <param name="beside">A folder that is searched first: that of the recipe which names this one.</param>
    public static (Recipe Recipe, string File) Find(string name, string? beside = null)
    {
        string[] places = name.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            ? [name, Path.Combine(beside ?? Folder, name)]
            : [Path.Combine(beside ?? Folder, name + ".json"), Path.Combine(Folder, name + ".json")];
        if (places.FirstOrDefault(File.Exists) is { } file)
            return (Read(file), file);
        string hint = Suggestion.For(name, Directory.EnumerateFiles(Folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!));
        throw new StageException(
            $"There is no recipe '{name}'.{hint} `tuna recipe list` names those there are; one of your own is given as a path that ends "
            + "in .json.");
    }

    private static Recipe Read(string file)
    {
        SpecialFile.Refuse(file);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), RecipeJson.Default.Recipe)
                ?? throw new StageException($"{file}: the file holds null; a recipe is an object.");
        }
        catch (JsonException e)
        {
            throw new StageException($"{file}: {e.Message}", inner: e);
        }
    }
}
