using System.Globalization;
using Tuna.Models;
using Tuna.Models.Checkpoints;
