using System.Diagnostics;
using Tuna.Testing;
using YamlDotNet.RepresentationModel;

namespace Tuna.Distributed.Tests;

/// <summary>The example jobs of the documents can be read by those they are for.</summary>
public sealed class JobFilesTests
{
    private static string Folder => Path.Combine(Path.GetDirectoryName(GoldenData.TestsFolder())!, "docs", "jobs");

    [Fact]
    public void SlurmJobs_ForTheShell_AreWellFormed()
    {
        string[] scripts = Directory.GetFiles(Folder, "*.sh");
        Assert.NotEmpty(scripts);
        foreach (string script in scripts)
        {
            using Process bash = Process.Start(new ProcessStartInfo("bash", ["-n", script]) { RedirectStandardError = true })!;
            string errors = bash.StandardError.ReadToEnd();
            bash.WaitForExit();
            Assert.True(bash.ExitCode == 0, errors);
            string[] lines = File.ReadAllLines(script);
            Assert.Equal("#!/bin/bash", lines[0]);
            Assert.Contains(lines, l => l.StartsWith("#SBATCH --job-name=", StringComparison.Ordinal));
            // Slurm reads its lines up to the first command only.
            Assert.True(Array.FindLastIndex(lines, l => l.StartsWith("#SBATCH", StringComparison.Ordinal)) < Array.FindIndex(lines,
                l => l.Length > 0 && l[0] != '#'), script);
        }
    }

    [Fact]
    public void KubernetesJobs_OfTheIndexedKind_HaveWhatTheApiAsksFor()
    {
        string[] files = Directory.GetFiles(Folder, "*.yaml");
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            var yaml = new YamlStream();
            using (var reader = new StreamReader(file))
                yaml.Load(reader);
            YamlNode root = Assert.Single(yaml.Documents).RootNode, spec = root["spec"], pod = spec["template"]["spec"];
            Assert.Equal(("batch/v1", "Job", "Indexed"), (Text(root["apiVersion"]), Text(root["kind"]), Text(spec["completionMode"])));
            Assert.Equal("Never", Text(pod["restartPolicy"])); // backoffLimitPerIndex wants it
            YamlNode container = Assert.Single(((YamlSequenceNode)pod["containers"]).Children);
            Assert.Contains($"$JOB_COMPLETION_INDEX/{Text(spec["completions"])}",
                Text(Assert.Single(((YamlSequenceNode)container["args"]).Children)), StringComparison.Ordinal);
            string[] volumes = [.. ((YamlSequenceNode)pod["volumes"]).Children.Select(v => Text(v["name"]))];
            Assert.All(((YamlSequenceNode)container["volumeMounts"]).Children, m => Assert.Contains(Text(m["name"]), volumes));
        }
    }

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;
}
