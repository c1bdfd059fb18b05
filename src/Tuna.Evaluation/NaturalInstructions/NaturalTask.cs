using System.Text.Json;
using Tuna.Data;

namespace Tuna.Evaluation.NaturalInstructions;

/// <summary>A task of Super-NaturalInstructions.</summary>
/// <param name="Name">The file's name without its ending, such as <c>task1615_sick_tclassify_b_relation_a</c>.</param>
/// <param name="Category">The first of its categories, such as <c>Textual Entailment</c>.</param>
/// <param name="Definition">What to do; the first definition where a task has several.</param>
/// <param name="PositiveExamples">Examples with right outputs.</param>
/// <param name="NegativeExamples">Examples with wrong outputs.</param>
/// <param name="Instances">What is asked.</param>
public sealed record NaturalTask(
    string Name,
    string Category,
    string Definition,
    IReadOnlyList<NaturalExample> PositiveExamples,
    IReadOnlyList<NaturalExample> NegativeExamples,
    IReadOnlyList<NaturalInstance> Instances)
{
    /// <summary>Reads a task file.</summary>
    /// <param name="path">The file; its name is the task's.</param>
    /// <param name="maxInstances">How many instances to keep, from the first.</param>
    /// <param name="issues">Receives instances that cannot be used, and why; the others are kept.</param>
    /// <exception cref="DataFormatException">The task cannot be used: the message names the file and the key.</exception>
    public static NaturalTask Load(string path, int maxInstances, ICollection<string> issues)
    {
        ArgumentNullException.ThrowIfNull(issues);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxInstances, 1);
        DataPlace place = DataPlace.Whole(path);
        using JsonDocument document = JsonFile.Parse(path);
        JsonElement root = document.RootElement;
        NaturalInstance[] instances =
            [.. ReadInstances(JsonFile.Member(root, "Instances", JsonValueKind.Array, place).EnumerateArray().Take(maxInstances), place,
            issues)];
        if (instances.Length == 0)
            throw new DataFormatException(
                "the task has no instance that can be used. Fetch the file again, or leave the task out of the split.", place, "Instances");
        return new NaturalTask(
            Path.GetFileNameWithoutExtension(path),
            FirstText(root, "Categories", place),
            FirstText(root, "Definition", place),
            Examples(root, "Positive Examples", place),
            Examples(root, "Negative Examples", place),
            instances);
    }

    private static IEnumerable<NaturalInstance> ReadInstances(IEnumerable<JsonElement> rows, DataPlace place, ICollection<string> issues)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        int index = -1;
        foreach (JsonElement row in rows)
        {
            index++;
            NaturalInstance instance;
            try
            {
                instance = NaturalInstance.Read(row, index, place);
                if (!ids.Add(instance.Id))
                    throw new DataFormatException($"instance {index} repeats an earlier id; the first is used.", place, "Instances",
                        instance.Id);
            }
            catch (DataFormatException e)
            {
                issues.Add(e.Message);
                continue;
            }

            yield return instance;
        }
    }

    // Older files hold a string where newer ones hold a list.
    private static string FirstText(JsonElement root, string key, DataPlace place)
    {
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty(key, out JsonElement value))
        {
            if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0)
                value = value[0];
            if (value.ValueKind == JsonValueKind.String)
                return value.GetString()!;
        }

        throw new DataFormatException("expected a string or a list of strings.", place, key);
    }

    private static NaturalExample[] Examples(JsonElement root, string key, DataPlace place)
    {
        if (!root.TryGetProperty(key, out JsonElement list))
            return [];
        if (list.ValueKind != JsonValueKind.Array)
            throw new DataFormatException($"expected a list, found {list.ValueKind}.", place, key);
        return
        [
            .. list.EnumerateArray().Select(example => new NaturalExample(
                JsonFile.Member(example, "input", JsonValueKind.String, place).GetString()!,
                JsonFile.Member(example, "output", JsonValueKind.String, place).GetString()!,
                example.TryGetProperty("explanation", out JsonElement text) && text.ValueKind == JsonValueKind.String
                    ? text.GetString() : null)),
        ];
    }
}

/// <summary>A worked example of a task.</summary>
/// <param name="Input">What is given.</param>
/// <param name="Output">What comes out.</param>
/// <param name="Explanation">Why, when the file says so.</param>
public sealed record NaturalExample(string Input, string Output, string? Explanation = null);

/// <summary>One question of a task.</summary>
/// <param name="Id">Unique over all tasks.</param>
/// <param name="Input">What is given.</param>
/// <param name="References">The right outputs, at least one; the best match counts.</param>
public sealed record NaturalInstance(string Id, string Input, IReadOnlyList<string> References)
{
    internal static NaturalInstance Read(JsonElement row, int index, DataPlace place)
    {
        string? id = row.ValueKind == JsonValueKind.Object && row.TryGetProperty("id", out JsonElement value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        if (id is null)
            throw new DataFormatException($"instance {index} has no id.", place, "Instances");
        JsonElement output = row.TryGetProperty("output", out JsonElement found) ? found : default;
        string[] references = output.ValueKind switch
        {
            JsonValueKind.String => [output.GetString()!],
            JsonValueKind.Array when output.EnumerateArray().All(text => text.ValueKind == JsonValueKind.String) =>
                [.. output.EnumerateArray().Select(text => text.GetString()!)],
            _ => [],
        };
        if (references.Length == 0)
            throw new DataFormatException($"instance {index} has no reference output.", place, "output", id);
        return new NaturalInstance(id, JsonFile.Member(row, "input", JsonValueKind.String, place, id).GetString()!, references);
    }
}
